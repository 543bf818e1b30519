"""Apps register: by themselves where that is open (RFC 7591), and through administrators, who may grant them more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from auth.clients import SECRET_METHODS, Client, Problem, read_client
from auth.grants import Grant, revoke_client
from auth.ports import Asker, Event, Store, Transaction
from auth.scopes import Known
from auth.smart.errors import Refusal
from auth.smart.registry import Registry, keep, with_secret
from auth.trail import Trail

SECOND = 1_000_000
ADDRESSES = frozenset(("redirect_uris", "launch_uris", "post_logout_redirect_uris"))
RESERVED = frozenset(("ehr", "refresh_days"))
"""What only an administrator may say of an app."""


class Unfit(Exception):
    """A registration that cannot be taken, with what is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{each.member}: {each.text}" for each in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Registered:
    """A new or changed app; `secret` is shown this once, for the methods that have one."""

    client: Client
    secret: str | None
    at: int


class Registration:
    """Registers a tenant's apps. After each commit `changed` is called, and `forget` told of each revoked grant."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        trail: Trail,
        known: Known,
        *,
        changed: Callable[[], None],
        forget: Callable[[Grant], None],
    ) -> None:
        self._store = store
        self._forget = forget
        self._registry = registry
        self._trail = trail
        self._known = known
        self._changed = changed

    async def by_itself(self, said: Mapping[str, Any], asker: Asker) -> Registered:
        """Register an app that asks for it. Raises Refusal with the codes of RFC 7591."""
        own = {name: value for name, value in said.items() if name not in RESERVED}
        try:
            done = await self._add(own, "anonymous", asker, alone=True)
        except Unfit as unfit:
            uris = all(each.member in ADDRESSES for each in unfit.problems)
            raise Refusal("invalid_redirect_uri" if uris else "invalid_client_metadata", str(unfit)) from None
        return done

    async def add(self, said: Mapping[str, Any], actor: str, asker: Asker) -> Registered:
        """Register an app as an administrator. Raises Unfit."""
        return await self._add(said, actor, asker, alone=False)

    async def disable(self, id: str, actor: str, asker: Asker, *, disabled: bool = True) -> Client | None:
        """Disable an app and end all that it was granted, or let it in again; None when there is no such app."""

        async def work(tx: Transaction) -> tuple[Client, list[Grant]] | None:
            client = await self._registry.client(tx.records, id)
            if client is None:
                return None
            ended = await revoke_client(tx, id) if disabled else []
            await self._note(tx, "disable-client" if disabled else "enable-client", id, actor, asker)
            return await keep(tx, replace(client, disabled=disabled)), ended

        done = await self._store.write(work)
        if done is None:
            return None
        client, ended = done
        for grant in ended:
            self._forget(grant)
        self._changed()
        return client

    async def renew_secret(self, id: str, actor: str, asker: Asker) -> Registered | None:
        """Give an app a new secret; None when there is no such app, or its method has none."""

        async def work(tx: Transaction) -> Registered | None:
            client = await self._registry.client(tx.records, id)
            if client is None or client.method not in SECRET_METHODS:
                return None
            client, secret = with_secret(client)
            await self._note(tx, "renew-secret", id, actor, asker)
            return Registered(await keep(tx, client), secret, tx.time)

        return await self._store.write(work)

    async def _add(self, said: Mapping[str, Any], actor: str, asker: Asker, *, alone: bool) -> Registered:
        client, problems = read_client(uuid4().hex, said, self._known)
        if client is not None and alone and "client_credentials" in client.grant_types:
            problems = [Problem("grant_types", "client_credentials is granted by an administrator.")]
        if client is None or problems:
            raise Unfit(problems)
        secret = None
        if client.method in SECRET_METHODS:
            client, secret = with_secret(client)
        kept = client

        async def work(tx: Transaction) -> Registered:
            await self._note(tx, "register-client", kept.id, actor, asker)
            return Registered(await keep(tx, kept), secret, tx.time)

        done = await self._store.write(work)
        self._changed()
        return done

    async def _note(self, tx: Transaction, action: str, id: str, actor: str, asker: Asker) -> None:
        await self._trail.note(Event(action, actor, asker, target=f"Client/{id}", details={"client": id}), tx)


def described(client: Client) -> dict[str, Any]:
    """Return an app in the names of RFC 7591, without secrets."""
    return {
        "client_id": client.id,
        "client_name": client.name,
        "token_endpoint_auth_method": client.method,
        "grant_types": list(client.grant_types),
        "response_types": ["code"] if "authorization_code" in client.grant_types else [],
        "redirect_uris": list(client.redirect_uris),
        "launch_uris": list(client.launch_uris),
        "post_logout_redirect_uris": list(client.post_logout_redirect_uris),
        "scope": str(client.scopes),
        **({"jwks": {"keys": [dict(key) for key in client.keys]}} if client.keys else {}),
        **({"jwks_uri": client.keys_url} if client.keys_url is not None else {}),
        "refresh_days": client.refresh_days,
        "ehr": client.ehr,
        "disabled": client.disabled,
    }


def answer(done: Registered) -> dict[str, Any]:
    """Return what a registration is answered (RFC 7591, 3.2.1)."""
    secret = {"client_secret": done.secret, "client_secret_expires_at": 0} if done.secret is not None else {}
    return {**described(done.client), "client_id_issued_at": done.at // SECOND, **secret}
