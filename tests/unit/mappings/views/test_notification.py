"""Notifications: read when they were received, and never with clinical content beside the two texts."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.errors import Unfit
from mappings.views.notification import VIEW, notification_for
from mappings.views.show import show
from mappings.views.write import write
from tests.fakes.telemed import good

RECORD: dict[str, Any] = {
    "id": "n",
    "kind": "appointment_reminder",
    "title": "Votre rendez-vous de demain",
    "body": None,
    "priority": "urgent",
    "read_at": None,
    "inserted_at": "2026-03-01T09:00:00+01:00",
    "link": "/appointments/12",
}


def test_a_notification_of_the_profile_is_shown() -> None:
    assert show(VIEW, {"Communication": [good("notification-read")]}) == RECORD | {
        "id": "notification-2",
        "read_at": "2026-03-01T12:00:00+01:00",
    }


def test_a_reminder_is_one_in_the_words_of_hl7_too() -> None:
    (made,) = write(VIEW, RECORD, start=notification_for("Patient/p"))["Communication"]
    assert [each["coding"][0]["code"] for each in made["category"]] == ["reminder", "appointment_reminder"]
    assert (made["priority"], made["subject"], made["recipient"]) == (
        "asap",
        {"reference": "Patient/p"},
        [{"reference": "Patient/p"}],
    )
    assert "subject" not in notification_for("Practitioner/d")["Communication"][0]


def test_nothing_is_read_before_it_is_sent() -> None:
    stored = write(VIEW, RECORD, start=notification_for("Patient/p"))
    with pytest.raises(Unfit) as caught:
        write(VIEW, {"read_at": "2026-03-01T07:59:59Z"}, stored)
    assert list(caught.value.fields) == ["read_at"]
    assert write(VIEW, {"read_at": "2026-03-01T08:00:00Z"}, stored)["Communication"][0]["received"]


def test_a_kind_of_others_is_shown_as_it_is() -> None:
    message = good("notification")
    message["category"][1]["coding"][0]["code"] = "lab_result"
    assert show(VIEW, {"Communication": [message]})["kind"] == "lab_result"


@pytest.mark.parametrize("category", [None, [{"text": "Message"}], [{"coding": [{"code": "lab_result"}]}]])
def test_a_message_of_others_that_is_read_changes_in_nothing_else(category: Any) -> None:
    message = {"resourceType": "Communication", "id": "c", "status": "completed", "sent": "2026-03-01T07:00:00Z"}
    message |= {} if category is None else {"category": category}
    (after,) = write(VIEW, {"read_at": "2026-03-01T08:00:00Z"}, {"Communication": [message]})["Communication"]
    assert after == message | {"received": "2026-03-01T08:00:00Z"}
