"""What a grant may do: what the policy says of its role, narrowed by its scopes; nothing for a disabled account."""

from __future__ import annotations

import asyncio

import pytest

from auth.accounts import Account, Role, Status
from auth.grants import Grant, Kind
from auth.policy import NOBODY, Employers
from auth.policy_file import default_policy
from auth.rights import NO_RIGHTS
from fhir_server.accounts.principal import principals, role_of
from fhir_server.interactions.call import Principal
from profiles.restriction import ALL, NONE, About, InCompartment

NOW = 1_800_000_000_000_000


def known(type: str, name: str) -> bool:
    return (type, name) == ("Observation", "category")


async def employers(account: Account) -> Employers:
    return NOBODY


def principal(kind: Kind, account: Account | None, *scopes: str, patient: str | None = None) -> Principal:
    made = principals(default_policy(), known, employers)
    client = "first-party" if kind == "session" else "app"
    id = None if account is None else account.id
    return asyncio.run(made(Grant("g", kind, id, client, 0, NOW, scopes=scopes, patient=patient), account))


def account(role: Role, status: Status = "active") -> Account:
    return Account("1", "a@example.org", role, status, 0)


@pytest.mark.parametrize(
    ("role", "status", "actor", "known_as"),
    [
        ("patient", "active", "Patient/1", "patient"),
        ("doctor", "active", "Practitioner/1", "doctor"),
        ("doctor", "pending", "Practitioner/1", "pending"),
        ("admin", "active", "Person/1", "admin"),
    ],
)
def test_a_session_is_its_account(role: Role, status: Status, actor: str, known_as: str) -> None:
    found = principal("session", account(role, status))
    assert (found.actor, found.role, found.account, found.client, found.grant) == (
        *(actor, known_as, "1"),
        *("first-party", "g"),
    )
    assert role_of(account(role, status)) == known_as


def test_a_patient_reaches_the_own_record() -> None:
    rights = principal("session", account("patient")).rights
    assert rights.of_type("read", "Observation", NOW) == About("1")
    assert not rights.may("create", "StructureDefinition")


def test_a_professional_who_is_not_confirmed_reaches_no_record() -> None:
    rights = principal("session", account("doctor", "pending")).rights
    assert not rights.may("read", "Observation")
    assert rights.of_type("update", "Practitioner", NOW) == InCompartment("Practitioner", "1")


def test_an_administrator_reaches_no_record() -> None:
    rights = principal("session", account("admin")).rights
    assert not rights.may("read", "Patient")
    assert rights.reads_audit


def test_an_app_has_what_its_scopes_open_and_no_more() -> None:
    rights = principal("smart", account("patient"), "openid", "patient/Observation.r", patient="1").rights
    assert rights.may("read", "Observation")
    assert not rights.may("search", "Observation")
    assert not rights.may("read", "Condition")


@pytest.mark.parametrize("scopes", [(), ("openid",), ("patient/Observation.sr",), ("system/Observation.r",)])
def test_an_app_without_a_scope_that_counts_has_nothing(scopes: tuple[str, ...]) -> None:
    rights = principal("smart", account("patient"), *scopes, patient="1").rights
    assert rights.types("read") == frozenset()


def test_a_backend_service_acts_for_itself() -> None:
    found = principal("backend", None, "system/Observation.rs")
    assert (found.actor, found.role, found.account) == ("Client/app", "system", None)
    assert found.rights.of_type("read", "Observation", NOW) == ALL
    assert found.rights.of_type("read", "Patient", NOW) == NONE


def test_a_disabled_account_may_do_nothing() -> None:
    assert principal("session", account("patient", "disabled")).rights == NO_RIGHTS
