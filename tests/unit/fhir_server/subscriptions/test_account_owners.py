"""Owners by their accounts and grants: what is left of their rights at the moment something is delivered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth import grants
from auth.accounts import change
from auth.clients import Client
from auth.grants import Grant
from auth.scopes import parse_scopes
from auth.smart import registry
from fhir_server.accounts import manage
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.register import Wanted
from fhir_server.interactions.subscribing.tables import Owner
from fhir_server.interactions.telling.owners import OwnerGone
from fhir_server.subscriptions.account_owners import of_accounts
from tests.fakes.authority import HERE, PASSWORD
from tests.fakes.desk import desk_of

HOUR = 3600 * 1_000_000
SERVICE = Client("service", "Lab", "private_key_jwt", ("client_credentials",))


async def ann_of(desk: Desk) -> str:
    return (await manage.add(desk, Wanted("ann@example.org", PASSWORD, "patient"), "Person/1", HERE)).id


def scoped(*scopes: str) -> Client:
    found, refused = parse_scopes(" ".join(scopes), lambda type, name: True)
    assert not refused
    return replace(SERVICE, scopes=found)


async def test_a_session_that_has_ended_leaves_the_account() -> None:
    async with desk_of() as desk:
        id = await ann_of(desk)
        owner = Owner(f"Patient/{id}", "session", id, grants.FIRST_PARTY, "a-session-that-is-gone")
        standing = await of_accounts(desk.services)(owner)
        assert standing.principal.actor == f"Patient/{id}"
        assert standing.principal.rights.may("read", "Observation")
        assert standing.email == "ann@example.org"


async def test_of_a_disabled_account_nothing_is_left() -> None:
    async with desk_of() as desk:
        id = await ann_of(desk)
        owner = Owner(f"Patient/{id}", "session", id, grants.FIRST_PARTY, "g")
        await manage.disable(desk, await manage.find(desk, id), "Person/1", HERE)
        with pytest.raises(OwnerGone, match="account"):
            await of_accounts(desk.services)(owner)


async def test_a_role_that_was_changed_counts_at_once() -> None:
    async with desk_of() as desk:
        id = await ann_of(desk)
        owner = Owner(f"Patient/{id}", "session", id, grants.FIRST_PARTY, "g")
        await desk.services.store.write(lambda tx: change(tx, id, role="admin"))
        rights = (await of_accounts(desk.services)(owner)).principal.rights
        assert not rights.may("read", "Observation")


async def test_an_app_is_heard_within_its_scopes_until_its_access_ends() -> None:
    async with desk_of() as desk:
        id, store, now = await ann_of(desk), desk.services.store, desk.services.now()
        grant = Grant("app-grant", "smart", id, "app", now, now + HOUR, scopes=("patient/Observation.rs",), patient=id)
        await store.write(lambda tx: grants.put(tx, grant))
        owner = Owner(f"Patient/{id}", "smart", id, "app", "app-grant", grant.scopes)
        whose = of_accounts(desk.services)
        rights = (await whose(owner)).principal.rights
        assert (rights.may("read", "Observation"), rights.may("read", "Condition")) == (True, False)
        less = replace(owner, scopes=("patient/Observation.rs?status=final", "patient/Condition.rs"))
        shown = (await whose(less)).principal
        assert shown.scopes == ("patient/Observation.rs?status=final",)
        assert shown.rights.allowed["read"]["Observation"] != rights.allowed["read"]["Observation"]
        await store.write(lambda tx: grants.revoke(tx, "app-grant"))
        with pytest.raises(OwnerGone, match="access of the app"):
            await whose(owner)
        with pytest.raises(OwnerGone, match="access of the app"):
            await whose(replace(owner, grant="never"))


async def test_a_machine_is_heard_within_what_it_asked_with_and_still_may() -> None:
    async with desk_of() as desk:
        store, whose = desk.services.store, of_accounts(desk.services)
        await store.write(lambda tx: registry.keep(tx, scoped("system/Observation.rs", "system/Condition.rs")))
        asked = ("system/Observation.rs", "system/Patient.rs")
        owner = Owner("Client/service", "backend", None, "service", "a-token-long-gone", asked)
        rights = (await whose(owner)).principal.rights
        reach = {type: rights.may("read", type) for type in ("Observation", "Condition", "Patient")}
        assert reach == {"Observation": True, "Condition": False, "Patient": False}
        await store.write(lambda tx: registry.keep(tx, replace(scoped("system/Observation.rs"), disabled=True)))
        with pytest.raises(OwnerGone, match="not registered"):
            await whose(owner)
        with pytest.raises(OwnerGone, match="not registered"):
            await whose(replace(owner, client="nobody"))


async def test_what_nobody_with_an_account_asked_for_is_nobodys() -> None:
    """Loaded from files, or written while the server was in open mode."""
    async with desk_of() as desk:
        for actor in ("load", "anonymous"):
            with pytest.raises(OwnerGone, match="Nobody"):
                await of_accounts(desk.services)(Owner(actor))
