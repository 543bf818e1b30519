"""Signing out at the wish of an app (OpenID Connect RP-Initiated Logout 1.0).

Anybody can send a browser here. So nobody is signed out unasked unless the app shows an identity token of whoever is
signed in, and nobody is sent on but to an address that is registered for it, letter by letter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from auth.accounts import Account
from auth.clients import Client
from auth.errors import Unauthenticated
from auth.grants import Grant
from auth.ports import Asker, Clock, Event, Store, Transaction
from auth.smart import browser
from auth.smart.authorization_request import LONGEST_STATE, Pairs
from auth.smart.browser import SignedIn
from auth.smart.errors import Stray
from auth.smart.registry import Registry
from auth.tokens import Tokens
from auth.trail import Trail


@dataclass(frozen=True, slots=True)
class Left:
    """Nobody is signed in any more. `address` is where the app wants its user back, if anywhere."""

    address: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask whoever is signed in, `account`, whether to sign out; `asked` is what the app sent, for the answer."""

    account: Account
    asked: Mapping[str, str]
    client: Client | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    client: Client | None
    address: str | None
    subject: str | None
    asked: Mapping[str, str]


class Logout:
    """A tenant's end_session_endpoint. After each commit `forget` is told of each grant that was ended."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        tokens: Tokens,
        trail: Trail,
        now: Clock,
        forget: Callable[[Grant], None],
    ) -> None:
        self._store = store
        self._registry = registry
        self._tokens = tokens
        self._trail = trail
        self._now = now
        self._forget = forget

    async def begin(self, pairs: Pairs, secret: str, asker: Asker) -> Left | Ask:
        """Take the wish of an app, from the browser that has that secret. Raises Stray."""
        request = await self._request(pairs)
        signed = await browser.who(self._store.records, secret, self._now())
        if signed is not None and request.subject != signed.account.id:
            return Ask(signed.account, request.asked, request.client, request.address)
        return await self._leave(request, signed, secret, asker)

    async def confirm(self, pairs: Pairs, secret: str, asker: Asker) -> Left:
        """Take it from whoever is signed in, who was asked. Raises Stray."""
        request = await self._request(pairs)
        signed = await browser.who(self._store.records, secret, self._now())
        return await self._leave(request, signed, secret, asker)

    async def _leave(self, request: _Request, signed: SignedIn | None, secret: str, asker: Asker) -> Left:
        if signed is None:
            return Left(request.address)
        event = Event("logout", signed.account.actor, asker, 200, signed.account.actor, signed.account.patients)

        async def work(tx: Transaction) -> list[Grant]:
            await self._trail.note(event, tx)
            return await browser.forget(tx, secret)

        for grant in await self._store.write(work):
            self._forget(grant)
        return Left(request.address)

    async def _request(self, pairs: Pairs) -> _Request:
        said = {name: value for name, value in pairs if value}
        if len({name for name, _ in pairs}) != len(pairs):
            raise Stray("doubled")
        hint = await self._hint(said.get("id_token_hint"))
        named = {each for each in (said.get("client_id"), hint.get("aud")) if each is not None}
        if len(named) > 1:
            raise Stray("unknown_app")
        client = await self._registry.client(self._store.records, named.pop()) if named else None
        if client is None and ("client_id" in said or hint):
            raise Stray("unknown_app")
        if client is not None and client.disabled:
            raise Stray("unknown_app")
        kept = {name: value for name, value in said.items() if name in ("post_logout_redirect_uri", "state")}
        kept |= {"client_id": client.id} if client is not None else {}
        return _Request(client, _address(said, client), hint.get("sub"), kept)

    async def _hint(self, token: str | None) -> Mapping[str, str]:
        """Return the claims of an identity token of ours, however old; none for what is no such token."""
        if token is None:
            return {}
        await self._tokens.renew()
        try:
            return self._tokens.hinted(token)
        except Unauthenticated:
            return {}


def _address(said: Mapping[str, str], client: Client | None) -> str | None:
    uri, state = said.get("post_logout_redirect_uri"), said.get("state")
    if uri is None:
        return None
    if client is None or uri not in client.post_logout_redirect_uris:
        raise Stray("no_address")
    if state is None or len(state) > LONGEST_STATE:
        return uri
    parts, query = urlsplit(uri), urlencode({"state": state})
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))
