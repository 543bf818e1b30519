"""A medical record loses nothing on its way to FHIR and back, and FHIR loses nothing on its way through a record."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.transactions.act import Act
from mappings.transactions.record import File, create_record, update_record
from mappings.views.gather import gather
from mappings.views.medical_record import VIEW
from mappings.views.show import show
from mappings.views.view import Parts
from mappings.views.write import write
from profiles.issues import Issue
from profiles.validation.validator import Validator
from tests.fakes.shared import needs_shared_data
from tests.fakes.telemed import france, judge, known
from tests.properties.record_strategies import (
    CLASSES,
    DECORATED,
    FILES,
    NOTE,
    RECORDS,
    classes,
    decorated,
)

Json = dict[str, Any]
MOMENT = "2026-11-26T08:00:00.000001+01:00"
CHANGES = st.sampled_from([each.name for each in VIEW.fields if each.name not in ("id", "attachments")])


def act(**more: Any) -> Act:
    numbers = iter(range(1, 1000))
    return Act("Practitioner/dr", MOMENT, lambda: f"new-{next(numbers)}", **more)


def made(record: Json, files: list[tuple[str, str, bytes]], **more: Any) -> tuple[Json, list[Json]]:
    """Return the record with its files as the view shows them, and the resources that were made of it."""
    named = [File(*each, id=f"file-{index}") for index, each in enumerate(files)]
    bundle = create_record(record, act(**more), named)
    shown = [
        {
            "id": each.id,
            "filename": each.filename,
            "content_type": each.content_type,
            "size": len(each.content),
            "url": f"medical_records/{record['id']}/attachments/{each.id}",
        }
        for each in named
    ]
    return record | {"attachments": shown}, [each["resource"] for each in bundle["entry"]]


def parts_of(resources: list[Json]) -> Parts:
    (found,) = gather(VIEW, resources)
    return found


def test_a_record_comes_back_as_it_was_and_every_hard_value_was_tried() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=800, deadline=None, derandomize=True)
    @given(RECORDS, st.lists(FILES, max_size=2))
    def comes_back(record: Json, files: list[tuple[str, str, bytes]]) -> None:
        wanted, resources = made(record, files)
        through = json.loads(json.dumps(resources))
        assert show(VIEW, parts_of(through)) == wanted
        seen.update(classes(wanted))

    comes_back()
    assert sorted(CLASSES - set(seen)) == []


@settings(max_examples=100, deadline=None)
@given(RECORDS, st.lists(FILES, max_size=2), DECORATED)
def test_a_record_that_is_written_as_it_is_shown_changes_nothing(
    record: Json, files: list[tuple[str, str, bytes]], chosen: list[int]
) -> None:
    _, resources = made(record, files)
    stored = parts_of(decorated(resources, chosen))
    before = json.dumps(stored)
    assert write(VIEW, show(VIEW, stored), stored) == stored
    assert update_record(show(VIEW, stored), stored, act())["entry"] == []
    assert json.dumps(stored) == before


@settings(max_examples=150, deadline=None)
@given(RECORDS, RECORDS, DECORATED, CHANGES)
def test_one_field_is_changed_and_what_others_have_written_stays(
    record: Json, other: Json, chosen: list[int], name: str
) -> None:
    _, resources = made(record, [])
    stored = parts_of(decorated(resources, chosen))
    shown = show(VIEW, stored)
    group, _, inner = name.partition(".")
    change = {group: {inner: other[group][inner]} if inner else other[group]}
    changed = write(VIEW, change, stored)
    wanted = shown | {group: shown[group] | change[group] if inner else change[group]}
    assert show(VIEW, changed) == wanted
    back = write(VIEW, {group: {inner: shown[group][inner]} if inner else shown[group]}, changed)
    assert show(VIEW, back) == shown
    for type, resources in stored.items():
        lost = foreign(resources) - foreign(changed[type])
        assert not lost or gone_with(name, change, lost)


def foreign(resources: list[Json]) -> Counter[str]:
    """Return what others have written, with how often it is there."""
    found: Counter[str] = Counter()
    queue: list[Any] = list(resources)
    while queue:
        each = queue.pop()
        if isinstance(each, dict):
            queue += each.values()
            found["kept"] += each == NOTE
            found["code"] += each.get("system") == "http://example.org/codes"
            found["allergies"] += each.get("title") == "Allergies"
            found["mother"] += each.get("reference") == "RelatedPerson/mother"
            found["clinic"] += each.get("name") == "Clinique"
        elif isinstance(each, list):
            queue += each
    return found


def gone_with(name: str, change: Json, lost: Counter[str]) -> bool:
    """Return whether only extensions inside of what was replaced or taken away are gone."""
    if change == {"nom": None}:
        return set(lost) == {"kept"}
    return set(lost) == {"kept"} and (name in REPLACED or name.startswith("soap."))


REPLACED = ("category", "tags", "age", "follow_up_date")


def told(issues: Iterable[Issue]) -> list[Issue]:
    """Return what is wrong, beside years that are unusual: generated dates begin with the year 1."""
    return [each for each in issues if each.severity != "information" and "is before 1900" not in each.message]


@settings(max_examples=40, deadline=None)
@given(RECORDS, st.lists(FILES, max_size=1), st.booleans())
def test_what_is_made_is_r4_and_conforms(record: Json, files: list[tuple[str, str, bytes]], remote: bool) -> None:
    home, validator = judge(known()), Validator()
    for resource in made(record, files, remote=remote)[1]:
        issues = [*validator.validate(resource), *home(resource, [], True)]
        assert told(issues) == []


@needs_shared_data
def test_what_is_made_conforms_to_fr_core_too() -> None:
    abroad, validator = judge(known(*france())), Validator()

    @settings(max_examples=25, deadline=None)
    @given(RECORDS, st.booleans())
    def conforms(record: Json, remote: bool) -> None:
        for resource in made(record, [], remote=remote, french=True)[1]:
            issues = [*validator.validate(resource), *abroad(resource, [], True)]
            assert told(issues) == []

    conforms()


@settings(max_examples=25, deadline=None)
@given(RECORDS, st.lists(FILES, min_size=1, max_size=1))
def test_what_is_made_is_r4_for_others_too(record: Json, files: list[tuple[str, str, bytes]]) -> None:
    for resource in made(record | {"consultation_date": "2026-03-02T09:30:00+01:00"} | TIMES, files)[1]:
        type = resource["resourceType"]
        model = getattr(import_module(f"fhir.resources.R4B.{type.lower()}"), type)
        assert model.model_validate(json.loads(json.dumps(resource))).get_resource_type() == type


TIMES = {"inserted_at": "2026-03-02T09:30:00.123456+01:00", "updated_at": "2026-03-02T09:30:00Z"}
