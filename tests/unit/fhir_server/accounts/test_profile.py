"""The person behind an account."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth.accounts import account_of
from auth.errors import Invalid, Unauthenticated
from auth.oidc import Identity
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.external import enter
from fhir_server.accounts.profile import Profile, change_profile, forget_me, profile_of
from fhir_server.accounts.prove import FRESH
from fhir_server.accounts.register import register
from fhir_server.interactions.call import Call
from fhir_server.interactions.update import update
from fhir_server.loading.pieces import LOADER
from tests.fakes.authority import HERE, PASSWORD
from tests.fakes.desk import desk_of, doctor, found, patient


async def test_a_profile_is_read_from_the_resource_however_it_came_there() -> None:
    async with desk_of() as desk:
        signed = await register(desk, patient(), HERE)
        assert signed is not None
        assert await profile_of(desk, signed.account) == Profile()
        resource = {
            "resourceType": "Patient",
            "id": signed.account.id,
            "name": [{"family": "Moreau", "given": ["Camille", "Anne"]}],
            "telecom": [{"system": "email", "value": "x@y.example"}, {"system": "phone", "value": "1"}],
            "birthDate": "1985",
        }
        await update(Call(desk.services, LOADER, "r", "Patient", signed.account.id, resource=resource))
        assert await profile_of(desk, signed.account) == Profile("Camille Anne Moreau", "1", "1985")


async def test_a_change_keeps_what_is_not_in_it_and_takes_null_away() -> None:
    async with desk_of() as desk:
        signed = await register(desk, doctor(), HERE)
        assert signed is not None
        account = await change_profile(desk, signed.account, {"name": "Hélène Garnier", "phone": "1"}, HERE)
        account = await change_profile(desk, account, {"phone": None, "locale": "en"}, HERE)
        assert await profile_of(desk, account) == Profile("Hélène Garnier")
        assert account.locale == "en"
        (resource,) = await found(desk, "Practitioner")
        assert resource["identifier"][0]["value"] == "10101201234"
        assert resource["meta"]["versionId"] == "3"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * 201},
        {"phone": "1\n2"},
        {"birth_date": "14/05/1985"},
        {"birth_date": "1985-05-14T00:00:00Z"},
        {"locale": None},
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused_by_field(wrong: dict[str, str | None]) -> None:
    async with desk_of() as desk:
        signed = await register(desk, patient(), HERE)
        assert signed is not None
        with pytest.raises(Invalid) as caught:
            await change_profile(desk, signed.account, wrong, HERE)
        assert caught.value.fields.keys() == wrong.keys()


async def test_who_asks_to_be_forgotten_has_no_access_and_the_record_stays() -> None:
    async with desk_of() as desk:
        signed = await register(desk, patient(), HERE)
        assert signed is not None
        await desk.auth.admission.admit(signed.access)
        await forget_me(desk, signed.account, signed.grant, PASSWORD, HERE)
        with pytest.raises(Unauthenticated):
            await desk.auth.admission.admit(signed.access)
        now = await account_of(desk.services.store.records, signed.account.id)
        assert now is not None
        assert (now.status, now.erasure_at is not None) == ("disabled", True)
        assert len(await found(desk, "Patient")) == 1


async def status_of(desk: Desk, id: str) -> str:
    now = await account_of(desk.services.store.records, id)
    assert now is not None
    return now.status


@pytest.mark.parametrize("password", [None, "", "another password"])
async def test_a_token_alone_ends_no_account_and_the_trail_tells_who_tried(password: str | None) -> None:
    async with desk_of(audit="strict") as desk:
        signed = await register(desk, patient(), HERE)
        assert signed is not None
        with pytest.raises(Unauthenticated):
            await forget_me(desk, signed.account, signed.grant, password, HERE)
        await desk.auth.admission.admit(signed.access)
        assert await status_of(desk, signed.account.id) == "active"
        *_, (_, tried) = await desk.services.store.audit_rows()
        assert (tried.action, tried.actor, tried.status) == ("ask-erasure", signed.account.actor, 401)


async def test_who_has_no_password_leaves_just_after_signing_in_at_the_provider() -> None:
    async with desk_of() as desk:
        person = Identity("https://psc.example 810101201234", "810101201234", {}, "eidas1", ("ext", "otp"))
        signed = await enter(desk, person, "doctor", HERE)
        old = replace(signed.grant, issued=desk.auth.now() - (FRESH + 60) * 1_000_000)
        for password in (None, PASSWORD):
            with pytest.raises(Unauthenticated):
                await forget_me(desk, signed.account, old, password, HERE)
        assert await status_of(desk, signed.account.id) == "active"
        await forget_me(desk, signed.account, signed.grant, None, HERE)
        assert await status_of(desk, signed.account.id) == "disabled"
