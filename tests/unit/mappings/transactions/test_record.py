"""A record is written as one transaction that names the versions it came from, and says who did it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from mappings.errors import Unfit
from mappings.transactions.act import Act
from mappings.transactions.record import File, attach_files, create_record, etag, remove_record, update_record
from mappings.views.gather import gather
from mappings.views.medical_record import VIEW
from mappings.views.show import show
from mappings.views.view import Parts
from profiles.validation.validator import Validator

Json = dict[str, Any]
RECORD: Json = {
    "nom": "Marie Curie",
    "status": "draft",
    "soap": {"subjective": "Palpitations"},
    "consultation_date": "2026-03-02T09:30:00+01:00",
    "patient_id": "p",
    "doctor_id": "d",
}
PDF = File("ecg.pdf", "application/pdf", b"%PDF-1.7")


def act(day: int = 2, **more: Any) -> Act:
    ids: Iterator[int] = iter(range(100))
    return Act("Practitioner/d", f"2026-03-0{day}T10:00:00.000001+01:00", lambda: f"{day}-{next(ids)}", **more)


def requests(bundle: Json) -> list[tuple[str, ...]]:
    return [tuple(each["request"].values()) for each in bundle["entry"]]


def stored(bundle: Json) -> Parts:
    """Return the parts as a store would have them, in their first version."""
    resources = deepcopy([each["resource"] for each in bundle["entry"] if each["request"]["method"] == "PUT"])
    for each in resources:
        each.setdefault("meta", {})["versionId"] = "1"
    (parts,) = gather(VIEW, resources)
    return parts


def test_a_record_is_made_with_all_that_belongs_to_it() -> None:
    bundle = create_record(RECORD, act(), [PDF])
    assert requests(bundle) == [
        ("PUT", "Composition/2-0", "*"),
        ("PUT", "Encounter/2-1", "*"),
        ("PUT", "DocumentReference/2-2", "*"),
        ("PUT", "Binary/2-3", "*"),
        ("POST", "Provenance"),
    ]
    assert Validator().validate(bundle) == []
    composition, encounter, document, binary, provenance = (each["resource"] for each in bundle["entry"])
    assert composition["encounter"] == {"reference": "Encounter/2-1"}
    assert encounter["status"] == "in-progress"
    assert document["content"][0]["attachment"] == {
        "contentType": "application/pdf",
        "url": "Binary/2-3",
        "size": 8,
        "hash": base64.b64encode(hashlib.sha1(PDF.content).digest()).decode(),
        "title": "ecg.pdf",
    }
    assert base64.b64decode(binary["data"]) == PDF.content
    assert binary["securityContext"] == {"reference": "Patient/p"}
    assert [each["reference"] for each in provenance["target"]] == ["Composition/2-0", "Encounter/2-1", "Patient/p"]
    assert provenance["recorded"] == act().moment


def test_a_visit_is_no_remote_consultation() -> None:
    composition, encounter = (each["resource"] for each in create_record(RECORD, act(remote=False))["entry"][:2])
    assert composition["type"]["coding"][0]["code"] == "11488-4"
    assert encounter["class"]["code"] == "AMB"
    again = create_record(RECORD, act())["entry"][0]["resource"]
    assert again["type"]["coding"][0]["code"] == "85208-7"


@pytest.mark.parametrize(
    ("ended", "end"),
    [("2026-03-02T09:50:00+01:00", {"end": "2026-03-02T09:50:00+01:00"}), ("2026-03-02T08:29:59Z", {}), (None, {})],
)
def test_a_consultation_ends_when_its_appointment_was_over_unless_it_began_later(
    ended: str | None, end: dict[str, str]
) -> None:
    bundle = create_record(RECORD, act(appointment="a", ended=ended))
    encounter = bundle["entry"][1]["resource"]
    assert encounter["period"] == {"start": "2026-03-02T09:30:00+01:00", **end}
    assert encounter["appointment"] == [{"reference": "Appointment/a"}]
    assert Validator().validate(bundle) == []


def test_a_consultation_that_is_moved_behind_its_end_has_none() -> None:
    parts = stored(create_record(RECORD, act(ended="2026-03-02T09:50:00+01:00")))
    for start, end in ("2026-03-02T09:40:00+01:00", "2026-03-02T09:50:00+01:00"), ("2026-03-03T09:30:00Z", None):
        bundle = update_record({"consultation_date": start}, parts, act(3))
        (after,) = (each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Encounter")
        assert (after["period"]["start"], after["period"].get("end")) == (start, end)


def test_a_change_names_the_version_it_came_from_and_only_what_changed() -> None:
    parts = stored(create_record(RECORD, act()))
    bundle = update_record({"soap": {"plan": "Repos"}, "status": "final"}, parts, act(3))
    assert requests(bundle) == [
        ("PUT", "Composition/2-0", 'W/"1"'),
        ("PUT", "Encounter/2-1", 'W/"1"'),
        ("POST", "Provenance"),
    ]
    composition = bundle["entry"][0]["resource"]
    assert composition["attester"] == [
        {"mode": "legal", "time": act(3).moment, "party": {"reference": "Practitioner/d"}}
    ]
    assert bundle["entry"][1]["resource"]["status"] == "finished"
    assert show(VIEW, stored(bundle))["updated_at"] == act(3).moment
    assert requests(update_record({"nom": "M."}, parts, act(3)))[:1] == [("PUT", "Composition/2-0", 'W/"1"')]
    assert len(requests(update_record({"nom": "M."}, parts, act(3)))) == 2


def test_a_record_that_is_sent_back_as_it_was_shown_writes_nothing() -> None:
    parts = stored(create_record(RECORD, act(), [PDF]))
    record = show(VIEW, parts) | {"updated_at": "2030-01-01T00:00:00Z", "id": "another"}
    assert update_record(record, parts, act(3))["entry"] == []


def test_files_are_added_reordered_and_taken_off_but_not_invented() -> None:
    parts = stored(create_record(RECORD, act(), [PDF]))
    added = stored(attach_files([File("", "image/png", b"x")], parts, act(3)))
    added["DocumentReference"] = [*parts["DocumentReference"], *added["DocumentReference"]]
    files = show(VIEW, added)["attachments"]
    assert [each["filename"] for each in files] == ["ecg.pdf", ""]
    turned = update_record({"attachments": files[::-1]}, added, act(4))
    assert turned["entry"][0]["resource"]["section"][-1]["entry"] == [
        {"reference": "DocumentReference/3-0"},
        {"reference": "DocumentReference/2-2"},
    ]
    bare = update_record({"attachments": []}, added, act(4))["entry"][0]["resource"]
    assert [each["title"] for each in bare["section"]] == ["Subjectif"]
    with pytest.raises(Unfit) as caught:
        update_record({"attachments": [{"id": "invented"}]}, added, act(4))
    assert list(caught.value.fields) == ["attachments"]


@pytest.mark.parametrize(
    ("file", "field"),
    [
        (File(" ", "image/png", b"x"), "attachments[0].filename"),
        (File("a\x00", "image/png", b"x"), "attachments[0].filename"),
        (File("a", "png", b"x"), "attachments[0].content_type"),
        (File("a", "image/png", b""), "attachments[0].content"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_by_its_field(file: File, field: str) -> None:
    with pytest.raises(Unfit) as caught:
        create_record(RECORD, act(), [file])
    assert list(caught.value.fields) == [field]


@pytest.mark.parametrize("named", [[{"id": "2-9"}], None, "ecg.pdf"])
def test_a_new_record_names_no_files(named: Any) -> None:
    with pytest.raises(Unfit) as caught:
        create_record(RECORD | {"attachments": named}, act())
    assert list(caught.value.fields) == ["attachments"]


def test_a_record_that_is_removed_is_kept_as_entered_in_error() -> None:
    parts = stored(create_record(RECORD, act(), [PDF]))
    bundle = remove_record(parts, act(3))
    assert requests(bundle) == [
        ("PUT", "Composition/2-0", 'W/"1"'),
        ("PUT", "DocumentReference/2-2", 'W/"1"'),
        ("POST", "Provenance"),
    ]
    assert gather(VIEW, [each["resource"] for each in bundle["entry"]]) == []
    assert bundle["entry"][-1]["resource"]["activity"]["coding"][0]["code"] == "DELETE"
    assert parts["Composition"][0]["status"] == "preliminary"


def test_the_etag_changes_with_each_resource_of_a_record() -> None:
    parts = stored(create_record(RECORD, act()))
    assert etag(parts) == 'W/"1.1"'
    parts["Encounter"][0]["meta"]["versionId"] = "2"
    assert etag(parts) == 'W/"1.2"'
