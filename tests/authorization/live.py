"""The clinic behind a socket: a server process, real accounts and grants, tokens that were issued by it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from auth import accounts, grants
from auth.accounts import Role, Status
from auth.grants import FIRST_PARTY, Grant
from auth.policy import BREAK_GLASS
from fhir_server.accounts import manage
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.register import Wanted
from fhir_server.app import open_tenant
from fhir_server.open_desk import open_desk
from fhir_server.settings import Settings
from tests.authorization.clinic import clinic
from tests.fakes.asking import Answer, Json
from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running

HOUR = 3600
PEOPLE: Mapping[str, tuple[str, Role, Status]] = {
    "patient": ("a", "patient", "active"),
    "unrelated": ("unrelated", "doctor", "active"),
    "related": ("related", "doctor", "active"),
    "ended": ("ended", "doctor", "active"),
    "pending": ("pending", "doctor", "pending"),
    "admin": ("admin", "admin", "active"),
}
APPS: Mapping[str, Mapping[str, Any]] = {
    "narrow": {"kind": "backend", "client": "narrow", "scopes": ("system/Observation.rs",)},
    "system": {"kind": "backend", "client": "ehr", "scopes": ("system/*.cruds",)},
    "granular": {
        "kind": "smart",
        "client": "app",
        "account": "a",
        "patient": "a",
        "scopes": ("patient/Observation.cruds?category=laboratory",),
    },
    "glass": {"kind": "session", "client": FIRST_PARTY, "account": "glass", "patient": "a", "purpose": BREAK_GLASS},
}
"""Callers whose grants are put into the store; the others sign in."""


class Live:
    """Asks the server over one connection that is kept open."""

    def __init__(self, root: str, tokens: Mapping[str, str]) -> None:
        self._connection = HTTPConnection(root.removeprefix("http://"), timeout=60)
        self._tokens = dict(tokens)

    def sign_in(self, who: str, email: str) -> None:
        """Let requests of `who` carry the token that signing in gives."""
        asked = {"email": email, "password": PASSWORD}
        signed = self.send("POST", "/api/v1/auth/login", asked)
        assert signed.status == 200, signed.body
        self._tokens[who] = signed.json["data"]["tokens"]["access_token"]

    def ask(self, who: str, method: str, path: str, body: Json | list[Any] | None = None, **headers: str) -> Answer:
        """Return the answer to one request; who has no token sends none."""
        kind = "application/json-patch+json" if isinstance(body, list) else "application/fhir+json"
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | {"content-type": kind}
        if who in self._tokens:
            sent["authorization"] = f"Bearer {self._tokens[who]}"
        return self.send(method, f"/fhir/{path}" if path else "/fhir", body, **sent)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Return the answer to any request."""
        content = None if body is None else msgspec.json.encode(body)
        self._connection.request(method, path, content, {"content-type": "application/json"} | headers)
        answer = self._connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def live(folder: Path) -> Iterator[Live]:
    """Run a server on the clinic, and ask it; each caller of CALLERS has a token, `none` has none."""
    clinic(folder).close()
    store = f"sqlite:///{folder / 'fhir.db'}"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Tokens are for the address that the server will have.
    tokens = asyncio.run(_open(Settings(store=store, port=port)))
    with Running(["serve", "--port", str(port), "--store", store], folder, FHIR_SERVER_RATE_FACTOR="1000") as running:
        asking = Live(running.root, tokens)
        for who in PEOPLE:
            asking.sign_in(who, f"{who}@clinic.example")
        yield asking
        asking.close()


async def _open(settings: Settings) -> dict[str, str]:
    """Open the accounts and put the grants; return the tokens of these."""
    async with open_tenant(settings) as tenant:
        desk = await open_desk(settings, tenant.services)
        for who, (id, role, status) in PEOPLE.items():
            await _account(desk, who, id, role, status)
        await _account(desk, "glass", "glass", "doctor", "active")
        tokens = {who: await _token(desk, more) for who, more in APPS.items()}
        await desk.auth.close()
    return tokens


async def _account(desk: Desk, who: str, id: str, role: Role, status: Status) -> None:
    wanted = Wanted(f"{who}@clinic.example", PASSWORD, role)
    made = await manage.new_account(desk, wanted, confirmed=True)
    account = replace(made, id=id, status=status)
    await desk.services.store.write(lambda tx: accounts.put(tx, account))


async def _token(desk: Desk, more: Mapping[str, Any]) -> str:
    now = desk.auth.now()
    made = Grant(**{"id": uuid4().hex, "account": None, "issued": now, "expires": now + HOUR * 1_000_000} | more)
    await desk.services.store.write(lambda tx: grants.put(tx, made))
    return await desk.auth.tokens.access(made, HOUR)
