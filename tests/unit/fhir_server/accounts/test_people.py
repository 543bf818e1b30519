"""The patients that an account may choose from: found by the server's own search, under its rights."""

from __future__ import annotations

from typing import Any

import pytest

from auth.accounts import Account
from auth.smart.context import Encounter, People
from fhir_server.accounts import people
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.register import register
from fhir_server.interactions.call import Call
from fhir_server.interactions.update import update
from fhir_server.loading.pieces import LOADER
from tests.fakes.authority import HERE
from tests.fakes.desk import desk_of, doctor, patient


async def named(desk: Desk, account: Account, **more: Any) -> None:
    """Write somebody's Patient resource."""
    resource = {"resourceType": "Patient", "id": account.id, **more}
    await update(Call(desk.services, LOADER, "r", "Patient", account.id, resource=resource))


async def test_a_patient_is_found_by_oneself_and_by_nobody_else() -> None:
    async with desk_of() as desk:
        folk: People = desk.smart.people
        ann, ben, doc = [
            (await register(desk, each, HERE)) for each in (patient(), patient("ben@example.org"), doctor())
        ]
        assert ann is not None
        assert ben is not None
        assert doc is not None
        await named(desk, ann.account, name=[{"family": "Martin", "given": ["Ann"]}], birthDate="1985-03-02")
        found = await folk.person(ann.account, ann.account.id)
        assert found is not None
        assert (found.name, found.birth_date) == ("Ann Martin", "1985-03-02")
        assert await folk.person(ann.account, ben.account.id) is None
        assert await folk.person(ann.account, "nobody") is None
        assert await folk.person(doc.account, ann.account.id) is None
        assert [each.id for each in await folk.search(ann.account, "mart")] == [ann.account.id]
        assert await folk.search(ann.account, "petit") == []
        assert [each.id for each in await folk.search(ann.account, "")] == [ann.account.id]
        assert await folk.search(doc.account, "") == []


async def test_an_encounter_is_there_for_who_may_see_it_with_its_patient() -> None:
    async with desk_of() as desk:
        ann, ben = [(await register(desk, each, HERE)) for each in (patient(), patient("ben@example.org"))]
        assert ann is not None
        assert ben is not None
        visit = {
            **{"resourceType": "Encounter", "id": "visit", "status": "planned"},
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR", "display": "virtual"},
            "subject": {"reference": f"Patient/{ann.account.id}"},
        }
        await update(Call(desk.services, LOADER, "r", "Encounter", "visit", resource=visit))
        january = {"start": "2026-01-05T23:30:00+01:00", "end": "2026-01-06"}
        march = {"start": "2026-03", "end": "2026-04"}
        for id, more in (
            ("early", {"period": january, "type": [{"text": "Suivi"}]}),
            ("late", {"period": march, "type": [{"coding": [{"display": "Follow-up"}]}]}),
            ("off", {"status": "cancelled", "period": {"start": "2026-04-01"}}),
            ("another", {"subject": {"reference": f"Patient/{ben.account.id}"}}),
        ):
            await update(Call(desk.services, LOADER, "r", "Encounter", id, resource=visit | {"id": id, **more}))
        folk = desk.smart.people
        assert await folk.encounter(ann.account, "visit", ann.account.id) == Encounter("visit", None, "virtual")
        assert await folk.encounter(ann.account, "visit", ben.account.id) is None
        assert await folk.encounter(ann.account, "visit", None) is None
        assert await folk.encounter(ben.account, "visit", ann.account.id) is None
        assert await folk.encounter(ann.account, "nothing", ann.account.id) is None
        assert list(await folk.encounters(ann.account, ann.account.id)) == [
            Encounter("late", "2026-03", "Follow-up"),
            Encounter("early", "2026-01-05", "Suivi"),
            Encounter("visit", None, "virtual"),
        ]
        assert list(await folk.encounters(ben.account, ann.account.id)) == []


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([{"family": "Martin", "given": ["Ann", "Rose"]}], "Ann Rose Martin"),
        ([{"use": "nickname", "text": "Annie"}, {"use": "official", "text": "Ann Martin"}], "Ann Martin"),
        ([{"use": "usual", "given": ["Annie"]}], "Annie"),
        ([{"use": "official"}], "—"),
        ([], "—"),
    ],
)
async def test_people_are_called_by_their_official_name(names: list[dict[str, Any]], shown: str) -> None:
    assert people._name(names) == shown
