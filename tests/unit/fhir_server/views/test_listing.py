"""Pages of a view by number and by cursor, over a store in memory."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from dataclasses import replace
from typing import Any, cast

import pytest

from auth.accounts import Account
from fhir_server.accounts.desk import Desk
from fhir_server.errors import BadRequest
from fhir_server.interactions.create import create
from fhir_server.interactions.update import update
from fhir_server.loading.pieces import LOADER
from fhir_server.model.fhir_json import encode
from fhir_server.views.acting import HOUSE, Acting
from fhir_server.views.listing import FURTHEST, Shown, Wanted, listing, number, showing
from mappings.errors import Unfit
from mappings.transactions.record import create_record
from mappings.views import medical_record
from mappings.views.notification import VIEW, notification_for
from mappings.views.show import show
from mappings.views.write import write
from tests.fakes.authority import HERE
from tests.fakes.desk import desk_of

SENT = [f"2026-03-0{day}T09:00:00Z" for day in range(1, 8)]
MINE = {"user": "Patient/p"}
RECORDS = replace(medical_record.VIEW, order="date", listed=())
"""The stores of these tests have no search parameters of ours."""


def acting(desk: Desk) -> Acting:
    return Acting(desk, LOADER, Account("p", "p@example.org", "patient", "active", 0), HERE)


async def filled(desk: Desk) -> Acting:
    """Return somebody with a notification of each day."""
    found = acting(desk)
    for sent in SENT:
        record = {"kind": "password_reset", "title": "x", "inserted_at": sent}
        (made,) = write(VIEW, record, start=notification_for("Patient/p"))[VIEW.root]
        call = found.call(VIEW.root, resource=made)
        call.principal = HOUSE
        await create(call)
    return found


def days(records: list[dict[str, list[Any]]]) -> list[str]:
    return [parts[VIEW.root][0]["sent"] for parts in records]


def shown(page: Shown) -> Any:
    return json.loads(encode(page.records))


class Counted:
    """A store that counts what is asked of it."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def counted(*args: Any, **more: Any) -> Any:
            self.asked[name] += 1
            return await found(*args, **more)

        return counted


async def test_a_page_of_records_is_one_search_however_many_there_are() -> None:
    async with desk_of(telemed_profiles=False) as desk:
        doctor = Acting(desk, HOUSE, Account("d", "d@example.org", "doctor", "active", 0), HERE)
        counts: list[Counter[str]] = []
        for total in (1, 20):
            for _ in range(total - 1 if counts else 1):
                record = {"patient_id": "p", "doctor_id": "d", "consultation_date": SENT[0]}
                await doctor.write(create_record(record, doctor.act()))
            store = Counted(desk.services.store)
            counting = replace(desk, services=replace(desk.services, store=cast(Any, store)))
            found = await listing(replace(doctor, desk=counting), RECORDS, Wanted())
            assert (len(found.records), found.total) == (total, total)
            assert all(each["Encounter"] for each in found.records)
            counts.append(store.asked)
        assert counts[0] == counts[1]
        assert counts[0]["search"] == 1


async def test_a_page_of_the_same_versions_is_shown_again_and_any_other_is_made() -> None:
    async with desk_of() as desk:
        me = await filled(desk)
        wanted = Wanted(MINE, per_page=3)
        first, again = await showing(me, VIEW, wanted), await showing(me, VIEW, wanted)
        assert again.records is first.records
        assert shown(again) == [show(VIEW, parts) for parts in (await listing(me, VIEW, wanted)).records]
        (newest,) = (await listing(me, VIEW, Wanted(MINE, per_page=1))).records[0][VIEW.root]
        call = me.call(VIEW.root, id=newest["id"], resource=newest | {"received": SENT[-1]})
        call.principal = HOUSE
        await update(call)
        after = await showing(me, VIEW, wanted)
        assert (shown(first)[0]["read_at"], shown(after)[0]["read_at"]) == (None, SENT[-1])
        assert shown(after)[1:] == shown(first)[1:]


FOREIGN = {
    "resourceType": "Composition",
    "status": "final",
    "type": {"text": "Note"},
    "subject": {"reference": "Patient/p"},
    "date": SENT[0],
    "author": [{"reference": "PractitionerRole/r"}],
    "title": "Note",
    "section": [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": "61150-9"}]},
            "text": {"status": "additional", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Cough</div>'},
        }
    ],
}
PARTS = (
    {"resourceType": "Patient", "id": "p", "name": [{"text": "Marie Curie"}]},
    {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/d"}},
)


async def test_what_a_note_of_others_lacks_is_looked_for_in_one_more_search() -> None:
    async with desk_of(telemed_profiles=False) as desk:
        doctor = Acting(desk, HOUSE, Account("d", "d@example.org", "doctor", "active", 0), HERE)
        for resource in PARTS:
            await update(doctor.call(resource["resourceType"], id=resource["id"], resource=dict(resource)))
        await create(doctor.call("Composition", resource=dict(FOREIGN)))
        record = {"patient_id": "p", "doctor_id": "d", "nom": "M. C.", "consultation_date": SENT[1]}
        await doctor.write(create_record(record, doctor.act()))
        store = Counted(desk.services.store)
        counting = replace(desk, services=replace(desk.services, store=cast(Any, store)))
        acting, view = replace(doctor, desk=counting), RECORDS
        first = shown(await showing(acting, view, Wanted()))
        assert [(each["nom"], each["doctor_id"]) for each in first] == [("Marie Curie", "d"), ("M. C.", "d")]
        assert store.asked["search"] == 2
        assert [show(view, each) for each in (await listing(acting, view, Wanted())).records] == first
        renamed = {**PARTS[0], "name": [{"text": "Marie Skłodowska"}]}
        await update(doctor.call("Patient", id="p", resource=renamed))
        assert [each["nom"] for each in shown(await showing(acting, view, Wanted()))] == ["Marie Skłodowska", "M. C."]


async def test_a_page_by_its_number_is_the_page_that_the_links_lead_to() -> None:
    async with desk_of() as desk:
        who, walked, cursor, page = await filled(desk), [], None, 1
        while True:
            by_link = await listing(who, VIEW, Wanted(MINE, page, 3, cursor=cursor))
            by_number = await listing(who, VIEW, Wanted(MINE, page, 3))
            assert (days(by_link.records), by_link.total) == (days(by_number.records), 7)
            walked += days(by_link.records)
            cursor, page = by_link.next, page + 1
            if cursor is None:
                break
        assert walked == SENT[::-1]
        beyond = await listing(who, VIEW, Wanted(MINE, page, 3))
        assert (beyond.records, beyond.total, beyond.next) == ([], 7, None)
        assert await number(who, VIEW, MINE) == 7


async def test_a_walk_is_not_disturbed_by_what_is_written_meanwhile() -> None:
    async with desk_of() as desk:
        who = await filled(desk)
        first = await listing(who, VIEW, Wanted(MINE, 1, 3))
        await filled(desk)
        second = await listing(who, VIEW, Wanted(MINE, 2, 3, cursor=first.next))
        assert (days(second.records), second.total) == (SENT[3:0:-1], 7)


async def test_order_can_be_chosen_and_a_cursor_belongs_to_its_order() -> None:
    async with desk_of() as desk:
        who = await filled(desk)
        first = await listing(who, VIEW, Wanted(MINE, 1, 3, "inserted_at"))
        assert days(first.records) == SENT[:3]
        with pytest.raises(BadRequest):
            await listing(who, VIEW, Wanted(MINE, 2, 3, cursor=first.next))
        with pytest.raises(Unfit) as refused:
            await listing(who, VIEW, Wanted(MINE, 1, 3, "title"))
        assert list(refused.value.fields) == ["sort"]


async def test_a_page_too_far_away_is_refused_with_the_way_out() -> None:
    async with desk_of() as desk:
        last = FURTHEST // 20 + 1
        assert (await listing(acting(desk), VIEW, Wanted(MINE, last))).records == []
        with pytest.raises(Unfit) as refused:
            await listing(acting(desk), VIEW, Wanted(MINE, last + 1))
        assert "Link header" in refused.value.fields["page"][0]
