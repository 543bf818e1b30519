"""Messages of a consultation as Communications."""

from __future__ import annotations

from fhir_server.live.chat import ChatFile
from profiles.validation.validator import Validator

FILE = ChatFile(("Patient/p",), ("Patient/p", "Practitioner/d", "Practitioner/e"), "Encounter/x")


def test_a_message_is_about_the_patient_from_its_sender_to_who_was_there() -> None:
    made = FILE.message("Practitioner/d", "Bonjour", "2026-01-01T09:00:00.000Z", {"p", "d"})
    assert made["status"] == "completed"
    assert made["subject"] == {"reference": "Patient/p"}
    assert made["encounter"] == {"reference": "Encounter/x"}
    assert made["sender"] == {"reference": "Practitioner/d"}
    assert made["recipient"] == [{"reference": "Patient/p"}]
    assert made["payload"] == [{"contentString": "Bonjour"}]
    assert Validator().validate(made) == []


def test_what_is_said_to_nobody_has_no_recipient() -> None:
    made = FILE.message("Patient/p", "Allo ?", "2026-01-01T09:00:00.000Z", {"p"})
    assert "recipient" not in made
    assert Validator().validate(made) == []
