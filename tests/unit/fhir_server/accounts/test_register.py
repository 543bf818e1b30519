"""register: account and resources in one commit, and nobody becomes more than was asked for."""

from __future__ import annotations

import asyncio

import pytest

from auth.accounts import account_by_email
from auth.errors import Denied, Invalid, TooMany, Unauthenticated
from auth.throttle import RATES
from fhir_server.accounts.register import Wanted, register
from fhir_server.errors import Unprocessable
from fhir_server.store.base import Key
from mappings.concepts.names import TELEMED
from profiles.restriction import ALL
from tests.fakes.authority import HERE, PASSWORD
from tests.fakes.desk import desk_of, doctor, found, patient


async def test_a_patient_is_a_member_at_once_with_both_consents() -> None:
    async with desk_of(notice_url="https://clinic.example/notice", notice_version="7") as desk:
        signed = await register(desk, patient(" Ann@Example.org"), HERE)
        id = signed.account.id
        (person,) = await found(desk, "Patient", ("_id", id))
        assert person["telecom"] == [{"system": "email", "value": "ann@example.org"}]
        consents = await found(desk, "Consent", ("patient", id))
        types = [each["category"][1]["coding"][0]["code"] for each in consents]
        assert sorted(types) == ["data_processing", "telemedicine_usage"]
        for each in consents:
            assert each["policy"][0]["uri"] == "https://clinic.example/notice"
            assert each["policy"][0]["extension"][0]["valueString"] == "7"
            assert each["performer"] == [{"reference": f"Patient/{id}"}]
        assert (signed.account.status, signed.account.confirmed_at) == ("active", None)
        principal = (await desk.auth.admission.admit(signed.access)).principal
        assert principal.actor == f"Patient/{id}"


async def test_both_consents_are_what_their_profile_asks_for() -> None:
    async with desk_of(telemed_profiles=True) as desk:
        signed = await register(desk, patient(), HERE)
        consents = await found(desk, "Consent", ("patient", signed.account.id))
        for each in consents:
            assert desk.services.judge(each, [f"{TELEMED}/StructureDefinition/telemed-consent"], False) == []
        assert len(consents) == 2


async def test_account_and_resources_are_one_commit() -> None:
    async with desk_of() as desk:
        signed = await register(desk, patient(), HERE)
        changes = await desk.services.store.changes(0)
        assert len({each.position for each in changes}) == 1
        rows = [row.action for _, row in await desk.services.store.audit_rows()]
        assert rows == ["register", "transaction"]
        assert (await account_by_email(desk.services.store.records, "ann@example.org")) == signed.account


async def test_when_the_resources_are_refused_there_is_no_account() -> None:
    async with desk_of(validate_profiles="Patient=https://clinic.example/none") as desk:
        with pytest.raises(Unprocessable):
            await register(desk, patient(), HERE)
        assert await account_by_email(desk.services.store.records, "ann@example.org") is None


async def test_a_doctor_waits() -> None:
    async with desk_of() as desk:
        signed = await register(desk, doctor(), HERE)
        id = signed.account.id
        assert (signed.account.status, signed.account.rpps) == ("pending", "10101201234")
        (person,) = await found(desk, "Practitioner", ("identifier", "https://rpps.esante.gouv.fr|10101201234"))
        (role,) = await found(desk, "PractitionerRole", ("practitioner", id))
        assert (person["id"], person["active"], role["active"]) == (id, False, False)
        assert await found(desk, "Patient") == []


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (Wanted("ann@example.org", PASSWORD, "admin"), ["role"]),
        (Wanted("ann@example.org", PASSWORD, "root"), ["role"]),
        (Wanted("ann", "short", "patient"), ["email", "password"]),
        (Wanted("ann@example.org", "password1234"), ["password"]),
        (Wanted("ann@example.org", PASSWORD, rpps="10101201234"), ["rpps"]),
        (Wanted("ann@example.org", PASSWORD, "doctor", rpps="123"), ["rpps"]),
        (Wanted("ann@example.org", PASSWORD, locale="tlh"), ["locale"]),
    ],
)
async def test_what_cannot_be_taken_is_named_by_field(wanted: Wanted, fields: list[str]) -> None:
    async with desk_of() as desk:
        with pytest.raises(Invalid) as caught:
            await register(desk, wanted, HERE)
        assert list(caught.value.fields) == fields
        assert await desk.services.store.counts() == {}


async def test_what_nobody_may_choose_is_ignored_and_noted() -> None:
    async with desk_of() as desk:
        signed = await register(desk, patient(more=["status", "id", "confirmed_at"]), HERE)
        assert (signed.account.status, signed.account.role) == ("active", "patient")
        ((_, row), *_) = await desk.services.store.audit_rows()
        assert row.details["ignored"] == ["confirmed_at", "id", "status"]
        assert row.address == HERE.address


async def test_an_address_registers_once_though_eight_try() -> None:
    async with desk_of() as desk:
        tries = (register(desk, patient("Ann@example.org" if n % 2 else "ann@EXAMPLE.org"), HERE) for n in range(8))
        ended = await asyncio.gather(*tries, return_exceptions=True)
        refused = [each for each in ended if isinstance(each, Invalid)]
        assert len(refused) == 7
        assert all(each.fields == {"email": ["is taken"]} for each in refused)
        assert await desk.services.store.counts() == {"Patient": 1, "Consent": 2}


async def test_registering_is_bounded_per_address_and_can_be_closed() -> None:
    async with desk_of(registration="closed") as desk:
        with pytest.raises(Denied):
            await register(desk, patient(), HERE)
    async with desk_of() as desk:
        for _ in range(RATES["register-address"].amount):
            with pytest.raises(Invalid):
                await register(desk, Wanted("x", "y"), HERE)
        with pytest.raises(TooMany):
            await register(desk, patient(), HERE)


async def test_an_account_s_id_is_the_logical_id(tmp_path: object) -> None:
    async with desk_of(store=f"sqlite:///{tmp_path}/fhir.db") as desk:
        signed = await register(desk, patient(), HERE)
        version = await desk.services.store.read(Key("Patient", signed.account.id), restriction=ALL)
        assert version is not None
        assert version.author == f"Patient/{signed.account.id}"


async def test_where_addresses_are_confirmed_first_nobody_learns_which_are_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with desk_of(registration="verified", app_url="https://app.example") as desk:
        assert await register(desk, patient(), HERE) is None
        await desk.auth.outbox.settle()
        first = capsys.readouterr().err
        with pytest.raises(Unauthenticated):
            await desk.auth.sessions.login("ann@example.org", PASSWORD, None, HERE)
        assert await register(desk, patient(), HERE) is None
        await desk.auth.outbox.settle()
        second = capsys.readouterr().err
        assert "https://app.example/verify-email#token=" in first
        assert "token" not in second
        assert "Vous avez déjà un compte" in second
        code = first.partition("#token=")[2].partition("\n")[0]
        await desk.auth.recovery.verify(code, HERE)
        assert (await desk.auth.sessions.login("ann@example.org", PASSWORD, None, HERE)).account.status == "active"
        assert await desk.services.store.counts() == {"Patient": 1, "Consent": 2}
