"""What a grant may see of the store."""

from __future__ import annotations

import pytest

from auth.accounts import Account, Role, Status
from auth.grants import Grant
from fhir_server.accounts.principal import principal_of
from profiles.restriction import NONE, InCompartment, Matches, Restriction

SESSION = Grant("g", "session", "1", "first-party", 0, 1)


@pytest.mark.parametrize(
    ("role", "status", "actor", "restriction"),
    [
        ("patient", "active", "Patient/1", InCompartment("Patient", "1")),
        ("patient", "disabled", "Patient/1", NONE),
        ("doctor", "active", "Practitioner/1", Matches("Practitioner", (("_id", "1"),))),
        ("doctor", "pending", "Practitioner/1", Matches("Practitioner", (("_id", "1"),))),
        ("admin", "active", "Person/1", NONE),
    ],
)
def test_a_role_has_its_own_and_no_more(role: Role, status: Status, actor: str, restriction: Restriction) -> None:
    principal = principal_of(SESSION, Account("1", "a@example.org", role, status, 0))
    assert (principal.actor, principal.restriction, principal.sees_plans) == (actor, restriction, False)


def test_an_app_and_a_machine_have_nothing_yet() -> None:
    ann = Account("1", "a@example.org", "patient", "active", 0)
    assert principal_of(Grant("g", "smart", "1", "app", 0, 1), ann).restriction == NONE
    machine = principal_of(Grant("g", "backend", None, "loader", 0, 1), None)
    assert (machine.actor, machine.restriction) == ("Client/loader", NONE)
