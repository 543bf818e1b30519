"""Accounts of people whom an external provider has recognised."""

from __future__ import annotations

from typing import Any

import pytest

from auth.errors import Conflicting, Denied, Unauthenticated
from auth.oidc import Identity
from fhir_server.accounts import manage
from fhir_server.accounts.external import enter, link
from fhir_server.accounts.register import Wanted, register
from tests.fakes.authority import HERE, PASSWORD
from tests.fakes.desk import desk_of, found, patient


def identity(name: str = "810101201234", **claims: Any) -> Identity:
    return Identity(f"https://psc.example {name}", name, claims, "eidas1", ("ext", "otp"))


async def test_a_professional_of_the_register_is_a_member_at_the_first_visit_and_the_same_at_the_second() -> None:
    async with desk_of() as desk:
        first = await enter(desk, identity(given_name="Hélène Marie", family_name="Garnier"), "doctor", HERE)
        assert (first.account.status, first.account.rpps, first.account.email) == ("active", "10101201234", "")
        assert (first.grant.acr, first.grant.amr) == ("eidas1", ("ext", "otp"))
        (person,) = await found(desk, "Practitioner")
        assert person["name"] == [{"use": "official", "family": "Garnier", "given": ["Hélène", "Marie"]}]
        assert person["active"] is True
        second = await enter(desk, identity(), "doctor", HERE)
        assert second.account.id == first.account.id
        assert second.grant.id != first.grant.id
        assert await desk.services.store.counts() == {"Practitioner": 1, "PractitionerRole": 1}
        other = await enter(desk, identity("810101205678"), "doctor", HERE)
        assert other.account.id != first.account.id


async def test_a_doctor_whose_number_the_provider_does_not_vouch_for_waits() -> None:
    async with desk_of() as desk:
        assert (await enter(desk, identity("ann"), "doctor", HERE)).account.status == "pending"


async def test_a_patient_brings_a_confirmed_address_and_no_other() -> None:
    async with desk_of() as desk:
        claims = {"email": "Ann@example.org", "email_verified": True}
        signed = await enter(desk, identity("ann", **claims), "patient", HERE)
        assert (signed.account.email, signed.account.confirmed_at is not None) == ("ann@example.org", True)
        assert len(await found(desk, "Consent")) == 2
        other = await enter(desk, identity("ben", email="ben@example.org"), "patient", HERE)
        assert (other.account.email, other.account.confirmed_at) == ("", None)


async def test_an_account_that_is_there_is_never_handed_over_on_a_claim() -> None:
    async with desk_of() as desk:
        await register(desk, patient(), HERE)
        claims = {"email": "ann@example.org", "email_verified": True}
        with pytest.raises(Conflicting):
            await enter(desk, identity("ann", **claims), "patient", HERE)
        await manage.add(desk, Wanted("doc@example.org", PASSWORD, "doctor", rpps="10101201234"), "Person/1", HERE)
        with pytest.raises(Conflicting):
            await enter(desk, identity(), "doctor", HERE)
        for role in (None, "admin"):
            with pytest.raises(Denied):
                await enter(desk, identity("new"), role, HERE)


async def test_who_only_claims_a_number_keeps_its_holder_out_in_no_state() -> None:
    async with desk_of() as desk:
        claim = (await register(desk, Wanted("x@example.org", PASSWORD, "doctor", rpps="10101201234"), HERE)).account
        await manage.disable(desk, claim, "Person/1", HERE)
        holder = (await enter(desk, identity(), "doctor", HERE)).account
        assert (holder.status, holder.rpps) == ("active", "10101201234")
        assert holder.id != claim.id
        waiting = await manage.enable(desk, claim, "Person/1", HERE)
        with pytest.raises(Conflicting, match=holder.id):
            await manage.confirm(desk, waiting, "Person/1", HERE)


async def test_who_is_signed_in_links_an_identity_and_enters_by_it() -> None:
    async with desk_of() as desk:
        signed = await register(desk, patient(), HERE)
        assert signed is not None
        linked = await link(desk, signed.account, identity("ann"), HERE)
        assert linked.subject == "https://psc.example ann"
        assert (await enter(desk, identity("ann"), None, HERE)).account.id == signed.account.id
        other = await register(desk, patient("ben@example.org"), HERE)
        assert other is not None
        with pytest.raises(Conflicting):
            await link(desk, other.account, identity("ann"), HERE)
        await manage.disable(desk, linked, "Person/1", HERE)
        with pytest.raises(Unauthenticated):
            await enter(desk, identity("ann"), None, HERE)
