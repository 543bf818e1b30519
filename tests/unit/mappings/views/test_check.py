"""What cannot be written is told by field, all of it at once, and never repeats the value."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mappings.errors import Unfit
from mappings.views.check import check, flat, settable
from mappings.views.medical_record import VIEW
from mappings.views.registry import VIEWS
from mappings.views.write import write

GOOD: dict[str, Any] = {
    "id": "r",
    "consultation_date": "2026-03-02T09:30:00+01:00",
    "patient_id": "p",
    "doctor_id": "d",
    "inserted_at": "2026-03-02T09:30:00Z",
    "updated_at": "2026-03-02T09:30:00Z",
}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("nom", " \t\r\n", "must not consist of blanks only"),
        ("nom", "\u00a0\u2003", "must not consist of blanks only"),
        ("nom", "a\x00b", "must not hold control characters"),
        ("nom", "a\x0bb", "must not hold control characters"),
        ("nom", "a\ufffe", "must not hold control characters"),
        ("nom", "a\ud800", "must not hold control characters"),
        ("nom", "x" * (1024 * 1024 + 1), "must not be longer than"),
        ("nom", 7, "must be text"),
        ("soap.plan", "  ", "must not consist of blanks only"),
        ("soap.summary", "x", "is no field of medical_record"),
        ("soap", "text", "must be an object"),
        ("soap", None, "must be an object"),
        ("age", -1, "from 0 to 150"),
        ("age", Decimal("41.5"), "from 0 to 150"),
        ("age", Decimal("151.0"), "from 0 to 150"),
        ("age", True, "from 0 to 150"),
        ("age", "41", "from 0 to 150"),
        ("category", "\x1f", "must not hold control characters"),
        ("priority", "low", "must be one of normal, high, urgent"),
        ("priority", None, "must not be null"),
        ("status", ["final"], "must be one of draft, final, amended, archived"),
        ("consultation_date", "2026-03-02", "a real point in time with seconds and zone"),
        ("consultation_date", "2026-03-02T09:30:00", "a real point in time with seconds and zone"),
        ("consultation_date", "2026-02-30T09:30:00Z", "a real point in time with seconds and zone"),
        ("follow_up_date", "2026-04", "must be a day"),
        ("follow_up_date", "2026-02-29", "must be a day of the calendar"),
        ("tags", None, "must not be null"),
        ("tags", "hta", "must be a list of texts"),
        ("tags", ["hta", ""], "each of which must not be empty"),
        ("attachments", [{"filename": "x"}], "each with its id"),
        ("attachments", [{"id": "a"}, {"id": "a"}], "must name each file once"),
        ("patient_id", "a/b", "1 to 64 letters"),
        ("doctor_id", None, "must not be null"),
        ("colour", "red", "is no field of medical_record"),
    ],
)
def test_what_is_wrong_with_a_field_is_told_by_its_name(field: str, value: Any, told: str) -> None:
    group, _, inner = field.partition(".")
    record = GOOD | {group: {inner: value} if inner else value}
    (issue,) = check(VIEW, record)
    assert (issue.expression, issue.severity) == (field, "error")
    assert told in issue.message
    assert not isinstance(value, str) or len(value) < 3 or value not in issue.message


def test_everything_is_told_at_once_by_field() -> None:
    with pytest.raises(Unfit) as caught:
        write(VIEW, {"nom": " ", "soap": {"plan": "\x00"}, "priority": "low"})
    assert set(caught.value.fields) == {
        *("nom", "soap.plan", "priority", "consultation_date", "patient_id", "doctor_id"),
        *("inserted_at", "updated_at"),
    }
    assert caught.value.fields["patient_id"] == ["is needed"]


def test_a_good_record_has_no_findings() -> None:
    assert check(VIEW, GOOD) == []
    assert write(VIEW, GOOD)["Composition"][0]["status"] == "preliminary"


def test_what_the_server_keeps_is_taken_away() -> None:
    assert settable(VIEW, GOOD | {"nom": "x"}) == {
        "nom": "x",
        "consultation_date": GOOD["consultation_date"],
        "patient_id": "p",
        "doctor_id": "d",
    }
    assert settable(VIEWS["me/Patient"], {"name": "x", "email": "m@x", "role": "admin"}) == {"name": "x"}


def test_fields_of_objects_have_their_full_names() -> None:
    assert flat(VIEW, {"soap": {"plan": "x"}, "age": 1}) == {"soap.plan": "x", "age": 1}
