"""What lines are turned into, and what they need for that: a transaction each, and the row that says it was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auth.accounts import Account
from auth.ports import Asker
from fhir_server.accounts.desk import Desk
from fhir_server.interactions.call import Resource, Services
from fhir_server.views.acting import HOUSE, Acting
from fhir_server.views.former import moved
from mappings.errors import Unfit
from mappings.views.former import FAULT, former_text
from profiles.issues import Issue

Row = Mapping[str, Any]
KEPT = 50_000
"""Users whose ids are remembered, so that most lines need not ask the store for them."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a line becomes: the `entries` of one transaction, signed by `actor`; plain values, for any process.

    `rows` are those of the ids, by their key. Lines that share a `claim` are not written at the same time, so that of
    two that exclude each other the first one counts. In the same commit an `account` is opened, and the slots of what
    is `booked`, an appointment of the view, become busy. `weight` is how many bytes its files have.
    """

    entries: Sequence[Resource]
    actor: str
    rows: Mapping[str, Row]
    claims: Sequence[str] = ()
    account: Account | None = None
    booked: Mapping[str, Any] | None = None
    weight: int = 0


@dataclass(slots=True)
class Arriving:
    """A dump on its way in: what it comes to, its folder, the notice that consents name, and who has come so far."""

    services: Services
    folder: Path
    notice: str
    _users: dict[str, Row] = field(default_factory=dict)

    async def user(self, id: str) -> Row | None:
        """Return the row of a user, by the former id."""
        row = self._users.get(id)
        if row is None:
            row = await moved(self.services.store.records, "user", id)
            if row is not None:
                if len(self._users) >= KEPT:
                    self._users.clear()
                self._users[id] = row
        return row

    async def users(self, line: Row, wanted: Mapping[str, str]) -> tuple[dict[str, Row], list[Issue]]:
        """Return the rows of the users that a line names, by field, and what is wrong with the fields.

        `wanted` has the role that each of them must have, "" for any.
        """
        found: dict[str, Row] = {}
        issues: list[Issue] = []
        for name, role in wanted.items():
            id = former_text(line.get(name))
            row = None if id is None else await self.user(id)
            if line.get(name) is None:
                issues.append(fault(name, "is needed"))
            elif id is None:
                issues.append(fault(name, FAULT))
            elif row is None:
                issues.append(fault(name, "names a user who has not been moved in"))
            elif role and row["role"] != role:
                issues.append(fault(name, f"names a user who is no {role}"))
            else:
                found[name] = row
        return found, issues


def at_house(desk: Desk, asker: Asker) -> Acting:
    """Return the house as who acts: it sees everything, and is nobody."""
    return Acting(desk, HOUSE, Account("", "", "admin", "active", 0), asker)


def fault(name: str, message: str) -> Issue:
    """Return what is wrong with a field, as a message that completes "The field ..."."""
    return Issue("error", "invalid", message, name)


def refuse(issues: Sequence[Issue]) -> None:
    """Raise Unfit when something is wrong."""
    if issues:
        raise Unfit(issues)
