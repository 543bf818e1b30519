"""Who is at the door: `OpenGuard` lets everybody in, `TokenGuard` whoever has a bearer token that counts.

Open mode knows no accounts, so a page in the user's own browser must not get in on the strength of being local: a
Host that is not this server's is refused (DNS rebinding), and so is a writing request whose Origin is another site.
With tokens nothing rests on where a request comes from, and no link on what Host it names; only a page of another site
that writes without a token is refused, because it has no business here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from auth.assurance import MULTIPLE
from auth.errors import Unauthenticated, Unsure
from auth.rights import NO_RIGHTS
from fhir_server.errors import Forbidden, Misdirected, Unauthorized
from fhir_server.http.headers import Headers
from fhir_server.interactions.call import ANONYMOUS, Principal

if TYPE_CHECKING:
    from auth.admission import Admission, Admitted

LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
NOBODY = Principal("anonymous", NO_RIGHTS)
"""Who asks for what is open to all, such as the CapabilityStatement."""
LONGEST = 16_384
"""Bytes of an Authorization header."""
_READING = frozenset(("GET", "HEAD", "OPTIONS"))


class Guard(Protocol):
    """Admits or refuses a request by its headers."""

    def check(self, method: str, headers: Headers) -> None:
        """Refuse what may not even knock. Raises Misdirected, Forbidden."""
        ...

    def admit(self, method: str, headers: Headers) -> Awaitable[Principal]:
        """Return who calls. Raises as `check`, and Unauthorized."""
        ...


class OpenGuard:
    """The guard of open mode: everybody on this machine is `ANONYMOUS`."""

    def __init__(self, public_url: str, *, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        """`hosts` are names without port that are ours besides the public URL's and loopback; `origins` are trusted."""
        own = urlsplit(public_url)
        self._hosts = LOOPBACK | {own.hostname or ""} | {host.lower() for host in hosts}
        self._origins = frozenset(origins)
        self._known: set[bytes] = set()

    async def admit(self, method: str, headers: Headers) -> Principal:
        """See `Guard.admit`."""
        self.check(method, headers)
        return ANONYMOUS

    def check(self, method: str, headers: Headers) -> None:
        """See `Guard.check`: refuse a foreign Host, and a write from a foreign page."""
        host = headers.get(b"host", b"")
        if host not in self._known:
            self._admit_host(host)
        origin = headers.get(b"origin")
        if origin is not None and method not in _READING:
            _admit_origin(origin.decode("latin-1"), self._origins, self._hosts)

    def _admit_host(self, host: bytes) -> None:
        name = _hostname(f"http://{host.decode('latin-1')}")
        if name not in self._hosts:
            raise Misdirected(
                "The Host header names another server. Use this server's own address, or list the name in "
                "FHIR_SERVER_ALLOWED_HOSTS.",
                expression="http.Host",
            )
        if len(self._known) < 64:
            self._known.add(host)


class TokenGuard:
    """The guard of required mode: a bearer token, or nothing (RFC 6750)."""

    def __init__(
        self,
        admission: Admission[Principal],
        public_url: str,
        *,
        origins: Iterable[str] = (),
        registered: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        """`origins` are those of pages that may write without a token: sign in, register, get a token.

        So may those of apps, as long as `registered` says so.
        """
        self._admission = admission
        self._registered = registered
        self._hosts = LOOPBACK | {urlsplit(public_url).hostname or ""}
        self._origins = frozenset(origins)

    async def admit(self, method: str, headers: Headers) -> Principal:
        """See `Guard.admit`. A token that was admitted a moment ago costs no look at the store."""
        return (await self.admitted(headers)).principal

    async def admitted(self, headers: Headers) -> Admitted[Principal]:
        """Return who calls, with grant and account. Raises Unauthorized."""
        try:
            return await self._admission.admit(_token(headers))
        except Unauthenticated as refusal:
            challenge = f'{challenge_of(refusal)}, error_description="{refusal}"'
            raise Unauthorized(str(refusal), challenge=challenge) from None

    def check(self, method: str, headers: Headers) -> None:
        """See `Guard.check`: refuse a page of another site that writes without a token."""
        origin = headers.get(b"origin")
        if origin is None or method in _READING or b"authorization" in headers:
            return
        if not self._registered(origin):
            _admit_origin(origin.decode("latin-1"), self._origins, self._hosts)


def challenge_of(refusal: Unauthenticated) -> str:
    """Return the challenge to whom that refuses (RFC 6750, 3; RFC 9470, 3)."""
    if isinstance(refusal, Unsure):
        return f'Bearer error="insufficient_user_authentication", acr_values="{MULTIPLE}"'
    return 'Bearer error="invalid_token"'


def _token(headers: Headers) -> str:
    value = headers.get(b"authorization")
    if value is None:
        raise Unauthorized("This needs a bearer token: sign in, and send it as Authorization: Bearer TOKEN.")
    scheme, _, token = value.partition(b" ")
    if scheme.lower() != b"bearer" or not token or len(value) > LONGEST or not token.isascii():
        raise Unauthorized(
            "The Authorization header must be one bearer token: Authorization: Bearer TOKEN.",
            challenge='Bearer error="invalid_request"',
        )
    return token.decode().strip()


def _admit_origin(origin: str, origins: frozenset[str], hosts: frozenset[str]) -> None:
    if origin not in origins and _hostname(origin) not in hosts:
        raise Forbidden(
            "A page of another site may not write here. List its origin in FHIR_SERVER_CORS_ORIGINS to allow it.",
            expression="http.Origin",
        )


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
