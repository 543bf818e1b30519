"""A tenant's authentication over a store of choice, with a clock that tests turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
from argon2 import PasswordHasher, Type
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from auth import accounts
from auth.accounts import Account, Role, Status
from auth.auth import Auth, House, open_auth
from auth.grants import Grant
from auth.keys import _generate
from auth.ports import Asker, Event, Letter
from auth.sealing import Seal
from auth.sessions import Signed
from auth.tables import TABLES
from auth.throttle import Throttle
from fhir_server.store.base import AuditRow, RecordTable, Store
from fhir_server.store.connect import connect
from tests.fakes.clock import Clock

BASE = "http://example.org/fhir"
PASSWORD = "violet anchor tulip 42"
SEAL = Seal([b"k" * 32])
HERE = Asker("request-1", "192.0.2.7", "test")
ELSEWHERE = Asker("request-2", "198.51.100.9", "test")


@cache
def encoded_password() -> str:
    """Return the hash of `PASSWORD`, as today's parameters make it."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID).hash(PASSWORD)


@cache
def pem() -> str:
    """Return a signing key for all tests: making one takes a while."""
    return _generate()


loaded = cache(load_pem_private_key)
"""A private key from its text: OpenSSL takes a while to check one, and all tests have the same."""


@dataclass
class Authority:
    """The parts, and shortcuts to what most tests begin with."""

    store: Store
    auth: Auth[str]
    clock: Clock
    letters: list[Letter]

    async def account(
        self, email: str = "ann@example.org", role: Role = "patient", status: Status = "active", **more: object
    ) -> Account:
        """Keep an account whose password is `PASSWORD`."""
        id = email.partition("@")[0]
        made = Account(id, email, role, status, self.clock(), encoded_password())
        made = replace(made, **more)  # type: ignore[arg-type]
        return await self.store.write(lambda tx: accounts.put(tx, made))

    async def login(self, email: str = "ann@example.org", asker: Asker = HERE, code: str | None = None) -> Signed:
        """Sign in with the right password."""
        return await self.auth.sessions.login(email, PASSWORD, code, asker)

    async def admits(self, token: str) -> str:
        """Return the principal that a token admits."""
        return (await self.auth.admission.admit(token)).principal

    async def post(self) -> list[Letter]:
        """Return the letters that have come since the last look."""
        await self.auth.outbox.settle()
        found = list(self.letters)
        self.letters.clear()
        return found

    async def events(self) -> list[AuditRow]:
        """Return the audit rows so far."""
        last = AuditRow(self.clock(), "test", "flush", "", 200, "flush")
        await self.store.audit(last, wait=True)
        return [row for _, row in await self.store.audit_rows(limit=1000) if row.action != "flush"]


def audit_row(event: Event, time: int) -> AuditRow:
    return AuditRow(
        time, event.actor, event.action, event.target, event.status, event.asker.request, event.patients, event.details
    )


async def principal(grant: Grant, account: Account | None) -> str:
    return grant.client if account is None else account.actor


async def authority_at(url: str, clock: Clock, **more: Any) -> Authority:
    """Return an authority over the store at `url`."""
    tables = [RecordTable(table.name, table.unique, table.indexed) for table in TABLES]
    store = await connect(url, clock=clock, tables=tables)
    letters: list[Letter] = []

    async def deliver(letter: Letter) -> None:
        letters.append(letter)

    house = House(
        store,
        clock,
        BASE,
        SEAL,
        Throttle(b"s" * 32),
        audit_row,
        principal,
        deliver,
        lost=pytest.fail,
        front="https://app.example",
        **more,
    )
    return Authority(store, await open_auth(house), clock, letters)
