"""The token endpoint: a code, a refresh token or a client of its own right becomes an access token (RFC 6749 4, 5, 6).

Every token has a grant behind it. A code that comes twice, or a refresh token that comes again after it was rotated,
ends the grant and with it every token that came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn
from uuid import uuid4

from auth import grants, opaque, rotation
from auth.accounts import Account, account_of
from auth.clients import Client
from auth.grants import Grant
from auth.ports import Asker, Event, Store, Transaction
from auth.scopes import Known, Scopes, parse_scopes
from auth.smart import codes
from auth.smart.client_authentication import ClientAuthentication
from auth.smart.codes import Code
from auth.smart.errors import Refusal
from auth.smart.fhir_user import fhir_user
from auth.smart.token_response import Answer, token_response
from auth.tokens import Tokens
from auth.trail import Trail

SECOND = 1_000_000
BACKEND_SECONDS = 300
DAY = 24 * 3600
IDENTITY = frozenset(("client_id", "client_secret", "client_assertion"))
"""By which of its parameters a request says who it is from."""
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the endpoint works with. `base` is the FHIR base; `forget` is told of each grant that was revoked, after the
    commit.
    """

    store: Store
    authentication: ClientAuthentication
    tokens: Tokens
    trail: Trail
    known: Known
    base: str
    forget: Callable[[Grant], None]


@dataclass(frozen=True, slots=True)
class _Refused:
    """A refusal that is committed: what was noticed and undone stays noticed and undone."""

    code: str
    description: str
    revoked: Sequence[Grant] = ()


@dataclass(frozen=True, slots=True)
class _Granted:
    """What comes of a request: the grant, whose it is, and a new refresh token if there is one.

    `scopes` are those of this access token alone, where a refresh asked for fewer than were granted.
    """

    grant: Grant
    account: Account
    refresh: str | None
    nonce: str | None = None
    scopes: tuple[str, ...] | None = None


class TokenEndpoint:
    """A tenant's token endpoint."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def exchange(self, said: Mapping[str, str], authorization: str | None, asker: Asker) -> Answer:
        """Return the answer to the form `said`. Raises Refusal, InvalidClient."""
        kind = said.get("grant_type")
        if kind not in GRANT_TYPES:
            raise Refusal("unsupported_grant_type", f"grant_type must be one of {', '.join(GRANT_TYPES)}.")
        named = said if authorization is not None or IDENTITY & said.keys() else await self._named(said)
        client = await self._parts.authentication.authenticate(named, authorization)
        if not _may(client, kind):
            raise Refusal("unauthorized_client", f"This client is not registered for {kind}.")
        if kind == "client_credentials":
            return await self._as_itself(client, said, asker)
        work = self._with_code if kind == "authorization_code" else self._again
        return await self._answer(await self._parts.store.write(lambda tx: work(tx, client, said, asker)))

    async def _named(self, said: Mapping[str, str]) -> Mapping[str, str]:
        """Return the form with the client of its refresh token: a public app need not name itself in a refresh.

        SMART App Launch 2.2 lists no `client_id` there, and its JavaScript client sends none.
        """
        records = self._parts.store.records
        token = await opaque.find(records, "refresh", said.get("refresh_token", ""))
        grant = await grants.grant_of(records, token.grant or "") if token is not None else None
        return said if grant is None else {**said, "client_id": grant.client}

    async def _answer(self, done: _Granted | _Refused) -> Answer:
        if isinstance(done, _Refused):
            for each in done.revoked:
                self._parts.forget(each)
            raise Refusal(done.code, done.description)
        grant = done.grant if done.scopes is None else replace(done.grant, scopes=done.scopes)
        seconds = min(self._parts.tokens.seconds, (grant.expires - grant.issued) // SECOND)
        access = await self._parts.tokens.access(grant, seconds, narrowed=done.scopes is not None)
        identity = None
        if "openid" in grant.scopes:
            user = fhir_user(self._parts.base, done.account) if "fhirUser" in grant.scopes else None
            identity = await self._parts.tokens.identity(grant, user, self._parts.tokens.seconds, done.nonce)
        return token_response(grant, access, seconds, refresh=done.refresh, identity=identity)

    async def _with_code(
        self, tx: Transaction, client: Client, said: Mapping[str, str], asker: Asker
    ) -> _Granted | _Refused:
        found = await codes.find(tx.records, said.get("code", ""))
        if found is None or found[1].client != client.id:
            return _Refused("invalid_grant", "The code is unknown, too old, or another app's.")
        token, code = found
        account = await account_of(tx.records, code.account)
        if token.used:
            ended = await grants.end(tx, token.grant) if token.grant is not None else []
            return await self._noticed(tx, client, token.grant, ended, "replayed code", asker)
        if code.redirect_uri != said.get("redirect_uri") or not code.fits(said.get("code_verifier", "")):
            await codes.use(tx, token, None)
            return _Refused("invalid_grant", "redirect_uri or code_verifier is not that of the request for the code.")
        session = await grants.grant_of(tx.records, code.session)
        if account is None or account.status == "disabled" or session is None or not session.is_alive(tx.time):
            return _Refused("invalid_grant", "The user has signed out since, or the account cannot be used.")
        grant = await grants.put(tx, self._grant(tx, client, code, session))
        await codes.use(tx, token, grant.id)
        lasting = {"offline_access", "online_access"} & set(grant.scopes)
        refresh = await rotation.issue(tx, grant) if lasting else None
        await self._note(tx, "token", account, grant, asker)
        return _Granted(grant, account, refresh, code.nonce)

    def _grant(self, tx: Transaction, client: Client, code: Code, session: Grant) -> Grant:
        scopes = tuple(code.scopes.split())
        offline = "offline_access" in scopes
        lives = self._parts.tokens.seconds * SECOND
        if {"offline_access", "online_access"} & set(scopes):
            lives = client.refresh_days * DAY * SECOND
        return Grant(
            id=uuid4().hex,
            kind="smart",
            account=code.account,
            client=client.id,
            issued=tx.time,
            expires=tx.time + lives if offline else min(tx.time + lives, session.expires),
            scopes=scopes,
            patient=code.patient,
            encounter=code.encounter,
            context=code.context,
            session=None if offline else code.session,
            auth_time=code.auth_time,
            amr=code.amr,
            acr=code.acr,
        )

    async def _again(
        self, tx: Transaction, client: Client, said: Mapping[str, str], asker: Asker
    ) -> _Granted | _Refused:
        shown = await rotation.presented(tx, said.get("refresh_token", ""), client.id)
        if shown is None:
            return _Refused("invalid_grant", "The refresh token is unknown, has ended, or is another app's.")
        account, grant = shown.account, shown.grant
        ended = await rotation.replayed(tx, shown)
        if ended is not None:
            return await self._noticed(tx, client, grant.id, ended, "replayed refresh token", asker)
        asked = _read(said.get("scope", ""), self._parts.known)
        if not asked.within(_read(" ".join(grant.scopes), self._parts.known)):
            return _Refused("invalid_scope", "A refresh may ask for less than was granted, not for more.")
        refresh = await rotation.rotate(tx, shown, grant)
        await self._note(tx, "refresh", account, grant, asker)
        fewer = tuple(str(asked).split()) or None
        return _Granted(replace(grant, issued=tx.time), account, refresh, scopes=fewer)

    async def _as_itself(self, client: Client, said: Mapping[str, str], asker: Asker) -> Answer:
        scopes = _read(said.get("scope", ""), self._parts.known)
        granted = Scopes(scopes.meet(client.scopes).resources)
        if not granted.resources or scopes.levels != {"system"}:
            raise Refusal("invalid_scope", "scope must name system/ scopes, some of which the client may have.")

        seconds = min(BACKEND_SECONDS, self._parts.tokens.seconds)

        async def work(tx: Transaction) -> Grant:
            grant = Grant(
                id=uuid4().hex,
                kind="backend",
                account=None,
                client=client.id,
                issued=tx.time,
                expires=tx.time + seconds * SECOND,
                scopes=tuple(map(str, granted.resources)),
            )
            await self._note(tx, "token", None, grant, asker)
            return await grants.put(tx, grant)

        grant = await self._parts.store.write(work)
        return token_response(grant, await self._parts.tokens.access(grant, seconds), seconds)

    async def _noticed(
        self, tx: Transaction, client: Client, id: str | None, ended: Sequence[Grant], reason: str, asker: Asker
    ) -> _Refused:
        """Note that something stolen or copied was used, which ended what it led to."""
        details = {"client": client.id, "grant": id, "reason": reason}
        actor = f"Client/{client.id}"
        await self._parts.trail.note(Event("token", actor, asker, status=400, details=details), tx)
        return _Refused("invalid_grant", "It was used before; what it gave has ended. Ask the user again.", ended)

    async def _note(self, tx: Transaction, action: str, account: Account | None, grant: Grant, asker: Asker) -> None:
        actor = account.actor if account is not None else f"Client/{grant.client}"
        details: dict[str, Any] = {"client": grant.client, "grant": grant.id, "scopes": list(grant.scopes)}
        patients = (grant.patient,) if grant.patient is not None else ()
        await self._parts.trail.note(Event(action, actor, asker, patients=patients, details=details), tx)


def _may(client: Client, kind: str) -> bool:
    return kind in client.grant_types or (kind == "refresh_token" and "authorization_code" in client.grant_types)


def _read(text: str, known: Known) -> Scopes:
    scopes, refused = parse_scopes(text, known)
    if refused:
        _refuse(f"{refused[0].scope} {refused[0].reason}.")
    return scopes


def _refuse(text: str) -> NoReturn:
    raise Refusal("invalid_scope", text)
