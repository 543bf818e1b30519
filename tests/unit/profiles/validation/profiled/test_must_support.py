"""Must-support elements that are missing are information, for who asks."""

from __future__ import annotations

from tests.fakes.profiled import element, findings, known, told

WANTED = element("Patient.birthDate", "date", mustSupport=True)


def test_what_must_be_supported_and_is_missing_is_information() -> None:
    context = known(must_support=True)
    assert told(findings({"resourceType": "Patient"}, WANTED, context=context)) == [
        ("information", "informational", "Patient.birthDate")
    ]
    assert findings({"resourceType": "Patient", "birthDate": "2020"}, WANTED, context=context) == []


def test_nobody_is_told_who_does_not_ask() -> None:
    assert findings({"resourceType": "Patient"}, WANTED) == []
