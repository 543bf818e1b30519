"""export-view of what never was anywhere else, and of what other software has written."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fhir_server.accounts.desk import entry
from fhir_server.accounts.manage import BY, add, asker
from fhir_server.interactions.call import nothing
from fhir_server.model.resource import instant
from fhir_server.moving.dump import FILES
from fhir_server.moving.export_view import export_view
from fhir_server.store.base import Key
from mappings.views.consent import taken_over
from profiles.restriction import ALL
from tests.fakes.desk import desk_of, doctor, patient
from tests.fakes.dump import read_dump

DECIDED = {"type": "research", "status": "granted", "version": "1", "granted_at": "2026-03-02T09:30:00Z"}
NOTE = {
    "resourceType": "Composition",
    "id": "note",
    "status": "final",
    "type": {"coding": [{"system": "http://loinc.org", "code": "85208-7"}]},
    "date": "2026-03-05",
    "title": "Note",
    "author": [{"display": "Somebody"}],
    "section": [
        {
            "title": "Plan",
            "code": {"coding": [{"system": "http://loinc.org", "code": "18776-5"}]},
            "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Rest</div>'},
        },
        {
            "title": "Files",
            "code": {"coding": [{"system": "http://loinc.org", "code": "55107-7"}]},
            "entry": [{"reference": "DocumentReference/.."}],
        },
    ],
}
FILE = {
    "resourceType": "DocumentReference",
    "id": "..",
    "status": "current",
    "content": [{"attachment": {"contentType": "text/plain", "url": "Binary/b", "title": "a.txt"}}],
}
BINARY = {"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "YQ=="}


async def exported(folder: Path) -> tuple[str, str]:
    """Export a store with two accounts and what other software has written.

    Return the id of the patient, and when the consent that was taken back was written.
    """
    async with desk_of(registration="open") as desk:
        ann = await add(desk, patient(), BY, asker())
        await add(desk, doctor(), BY, asker())
        consent = taken_over(DECIDED, "Patient/x", "https://clinic.example/notice") | {"id": "c1"}
        del consent["patient"], consent["performer"], consent["meta"]
        consent["scope"] = {"text": "Research"}
        taken_back = {**consent, "id": "c2", "status": "inactive"}
        written = (consent, taken_back, NOTE, FILE, BINARY)
        entries = [entry("PUT", f"{each['resourceType']}/{each['id']}", dict(each)) for each in written]
        await desk.write(ann, asker(), entries, nothing)
        await export_view(desk, folder, lambda kind, number: None)
        stored = await desk.services.store.read(Key("Consent", "c2"), restriction=ALL)
        assert stored is not None
        return ann.id, instant(stored.time)


def test_what_has_no_former_id_has_its_own_and_what_is_missing_is_null(tmp_path: Path) -> None:
    ann, _written = asyncio.run(exported(tmp_path))
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(("attachments", *FILES.values()))
    assert list((tmp_path / "attachments").iterdir()) == []
    out = read_dump(tmp_path)
    assert {(each["email"], each["role"]) for each in out["users"]} == {
        ("ann@example.org", "patient"),
        ("doc@example.org", "doctor"),
    }
    assert ann in {each["id"] for each in out["users"]}
    given = {(each["user_id"], each["type"]) for each in out["consents"]}
    assert given == {(ann, "data_processing"), (ann, "telemedicine_usage"), (None, "research")}
    (note,) = out["medical_records"]
    assert (note["id"], note["patient_id"], note["doctor_id"], note["soap"]["plan"]) == ("note", None, None, "Rest")
    assert [(each["id"], each["filename"], each["url"]) for each in note["attachments"]] == [("..", "a.txt", None)]


def test_what_was_taken_back_says_since_when(tmp_path: Path) -> None:
    _ann, written = asyncio.run(exported(tmp_path))
    taken = [each for each in read_dump(tmp_path)["consents"] if each["status"] == "revoked"]
    assert [(each["id"], each["granted_at"], each["revoked_at"]) for each in taken] == [
        ("c2", DECIDED["granted_at"], written),
    ]
