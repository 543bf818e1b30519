"""The view on the page for partners works as the page says: its file, its JSON, and what follows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mappings.errors import Unfit
from mappings.views.describe import described
from mappings.views.searching import search
from mappings.views.show import show
from mappings.views.write import write
from profiles.validation.validator import Validator

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "own-view.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.S)


def block(kind: str) -> str:
    (found,) = (text for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if name == kind)
    return str(found)


def test_the_example_of_the_page_is_a_view_that_loses_nothing() -> None:
    one = described(block("toml"))
    sent = json.loads(block("json"))
    parts = write(one.view, sent)
    assert show(one.view, parts) == {"id": None} | sent
    (request,) = parts["ServiceRequest"]
    assert Validator().validate(request) == []
    assert request == {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/marie-curie"},
        "code": {"text": "HbA1c"},
        "priority": "urgent",
        "_patientInstruction": {
            "extension": [
                {"url": "urn:fhir-health-server:telemed/StructureDefinition/telemed-empty", "valueBoolean": True}
            ]
        },
        "occurrenceDateTime": "2026-04-02",
    }
    assert search(one.view, {"person": "marie-curie", "urgency": "now", "from": "2026-04-01"}, "-wanted_on") == [
        ("status:not", "entered-in-error"),
        ("patient", "Patient/marie-curie"),
        ("priority", "stat"),
        ("occurrence", "ge2026-04-01"),
        ("_sort", "-occurrence"),
    ]
    with pytest.raises(Unfit) as caught:
        write(one.view, sent | {"urgency": "yesterday", "note": " ", "wanted_on": "2026-04"})
    assert list(caught.value.fields) == ["urgency", "note", "wanted_on"]


def test_one_change_leaves_alone_what_others_have_written() -> None:
    view = described(block("toml")).view
    stored = {
        "resourceType": "ServiceRequest",
        "id": "t1",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": "Patient/p", "display": "Marie"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4", "display": "HbA1c"}]},
        "priority": "asap",
        "_priority": {"id": "x"},
    }
    shown = show(view, {"ServiceRequest": [stored]})
    assert (shown["test"], shown["urgency"], shown["note"]) == ("HbA1c", "whenever", None)
    assert write(view, shown, {"ServiceRequest": [stored]}) == {"ServiceRequest": [stored]}
    (changed,) = write(view, {"note": "fasting"}, {"ServiceRequest": [stored]})["ServiceRequest"]
    assert changed == stored | {"patientInstruction": "fasting"}
