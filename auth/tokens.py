"""Signed tokens: JWTs with fixed algorithm, type, issuer, audience and claims (RFC 9068, RFC 8725).

One `decode` per kind of token: what is not of that kind is not a token. A key is found by our own list of key ids;
headers that point elsewhere (`jku`, `x5u`, `jwk`) are never followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any, Literal

import jwt

from auth.assurance import acr_of
from auth.errors import Unauthenticated
from auth.grants import Grant
from auth.keys import ALGORITHM, Keys
from auth.ports import Clock

Kind = Literal["access"]
LONGEST = 8192
SECOND = 1_000_000
ACCESS_SECONDS = 3600
"""How long an access token counts, unless the host says otherwise."""
FAR = 2**53
"""Seconds since 1970 beyond which a time in a token is nonsense."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What tokens of a kind are like: their `typ`, and the claims they must have."""

    typ: str
    require: tuple[str, ...]


SHAPES: Mapping[Kind, Shape] = {
    "access": Shape("at+jwt", ("iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid"))
}


class Tokens:
    """Issues and reads a tenant's signed tokens. `issuer` and `audience` are its FHIR base.

    `seconds` is how long an access token counts, at most as long as a key verifies after the next one has begun.
    """

    def __init__(self, keys: Keys, issuer: str, audience: str, now: Clock, seconds: int = ACCESS_SECONDS) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._now = now
        self.seconds = seconds

    async def access(self, grant: Grant, seconds: int, *, narrowed: bool = False) -> str:
        """Return an access token for a grant; it ends after `seconds`, or with the grant.

        With `narrowed` it opens the scopes of `grant` as it is given, whatever those are that are kept.
        """
        now = self._now() // SECOND
        key = await self._keys.signing()
        claims = {
            "iss": self._issuer,
            "sub": grant.account or grant.client,
            "aud": self._audience,
            "iat": now,
            "exp": min(now + seconds, grant.expires // SECOND),
            "jti": token_urlsafe(16),
            "client_id": grant.client,
            "sid": grant.id,
            **({"scope": " ".join(grant.scopes)} if narrowed else {}),
        }
        return jwt.encode(claims, key.private, ALGORITHM, {"typ": SHAPES["access"].typ, "kid": key.kid})

    async def identity(self, grant: Grant, user: str | None, seconds: int, nonce: str | None) -> str:
        """Return an id_token for an app: who has signed in, when and how (OpenID Connect Core, 2).

        `user` is the address of the FHIR resource that they are, for apps that may know it.
        """
        now = self._now() // SECOND
        key = await self._keys.signing()
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": grant.account,
            "aud": grant.client,
            "azp": grant.client,
            "iat": now,
            "exp": now + seconds,
            "auth_time": grant.auth_time // SECOND,
            "amr": list(grant.amr),
        }
        more = {"acr": acr_of(grant), "nonce": nonce, "fhirUser": user, "profile": user}
        claims |= {name: value for name, value in more.items() if value is not None}
        return jwt.encode(claims, key.private, ALGORITHM, {"kid": key.kid})

    def hinted(self, token: str) -> Mapping[str, str]:
        """Return `sub` and `aud` of an identity token that was made here, however long ago.

        Raises Unauthenticated for anything else. It says who was signed in, not that they still are.
        """
        try:
            if len(token) > LONGEST:
                raise jwt.InvalidTokenError
            header = jwt.get_unverified_header(token)
            key = self._keys.verifying(header.get("kid"))
            if key is None or header.get("alg") != ALGORITHM or header.get("typ", "JWT") != "JWT":
                raise jwt.InvalidTokenError
            options: Any = {
                "require": ["iss", "sub", "aud", "exp", "iat"],
                **dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf", "verify_aud"), False),
            }
            claims = jwt.decode(token, key.public, [ALGORITHM], options=options, issuer=self._issuer)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthenticated("The token is no identity token of this server's.") from None
        return {"sub": str(claims["sub"]), "aud": str(claims["aud"])}

    async def renew(self) -> None:
        """See to it that keys of a few seconds ago, of whatever process, are known: to be awaited before `decode`."""
        await self._keys.renew()

    def decode(self, kind: Kind, token: str) -> Mapping[str, Any]:
        """Return the claims of a token of that kind. Raises Unauthenticated for anything else."""
        shape = SHAPES[kind]
        try:
            if len(token) > LONGEST:
                raise jwt.InvalidTokenError
            header = jwt.get_unverified_header(token)
            key = self._keys.verifying(header.get("kid"))
            if key is None or header.get("alg") != ALGORITHM or header.get("typ") != shape.typ:
                raise jwt.InvalidTokenError
            # Times are judged below, by this server's clock.
            options: Any = {
                "require": list(shape.require),
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "strict_aud": True,
            }
            claims = jwt.decode(
                token, key.public, [ALGORITHM], options=options, audience=self._audience, issuer=self._issuer
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthenticated("The token is not one of this server's, or it was changed.") from None
        self._demand_time(claims)
        return claims

    def _demand_time(self, claims: Mapping[str, Any]) -> None:
        now = self._now() // SECOND
        begins, ends, not_before = claims["iat"], claims["exp"], claims.get("nbf", 0)
        for each in (begins, ends, not_before):
            if not isinstance(each, int) or isinstance(each, bool) or not 0 <= each < FAR:
                raise Unauthenticated("The token's times are not times.")
        if ends <= now:
            raise Unauthenticated("The token has expired: refresh it, or sign in again.")
        if max(begins, not_before) > now:
            raise Unauthenticated("The token is not valid yet.")
