"""The search behind a list: what the view hides is left out, what it shows is included, nothing is guessed."""

from __future__ import annotations

import pytest

from mappings.errors import Unfit
from mappings.views.registry import VIEWS, registered
from mappings.views.searching import search
from profiles import definitions


def test_a_list_of_records_is_one_search() -> None:
    found = search(registered("medical_record"), {"patient_id": "p", "from": "2026-03-01"})
    assert found == [
        ("soap-note", "true"),
        ("patient", "Patient/p"),
        ("consultation-date", "ge2026-03-01"),
        ("_include", "Composition:encounter:Encounter"),
        ("_include", "Composition:entry:DocumentReference"),
        ("_include", "Composition:subject:Patient"),
        ("_include", "Composition:author:PractitionerRole"),
        ("_sort", "-consultation-date"),
    ]


def test_an_unknown_filter_is_told() -> None:
    with pytest.raises(Unfit) as caught:
        search(registered("consent"), {"colour": "red"})
    assert caught.value.fields == {"colour": ["is no filter; there are patient_id, type"]}


def test_a_value_that_is_none_of_the_filter_s_kind_is_told() -> None:
    with pytest.raises(Unfit) as caught:
        search(registered("medical_record"), {"status": "lost", "from": "yesterday", "tag": "hta", "category": "a\tb"})
    assert caught.value.fields.keys() == {"status", "from", "category"}
    assert caught.value.fields["status"] == ["must be one of draft, final, amended, archived"]


def test_a_zone_whose_sign_was_lost_on_the_way_is_told_as_that() -> None:
    with pytest.raises(Unfit) as caught:
        search(registered("appointment"), {"from": "2026-10-25T02:30:00 01:00", "to": "2026 10 25"})
    assert "%2B" in caught.value.fields["from"][0]
    assert "%2B" not in caught.value.fields["to"][0]


@pytest.mark.parametrize("name", VIEWS)
def test_only_search_parameters_of_r4_and_of_ours_are_used(name: str) -> None:
    view = VIEWS[name]
    known = {code for each in definitions.search_parameters() if view.root in each.base for code in (each.code,)}
    known |= {
        "_tag",
        "_id",
        "_filter",
        "record-category",
        "record-status",
        "soap-note",
        "consultation-date",
        "encounter:Encounter.priority",
        "schedule.actor",
    }
    values = [(each, value) for each in view.filters.values() for value in each.kind.schema.get("enum", ("final",))]
    filters = [pair[0] for each, value in values for pair in each.write(value)]
    used = {each.partition(":")[0] if each.count(".") == 0 else each for each in [*filters, view.order.lstrip("-")]}
    used |= {each.partition(":")[0] for each in view.included} | {name.partition(":")[0] for name, _ in view.listed}
    assert used <= known
