"""Canonicals and their versions (http://hl7.org/fhir/R4/references.html#canonical)."""

from __future__ import annotations

from profiles.terminology.canonical import unversioned, version_of

LANGUAGES = "http://hl7.org/fhir/ValueSet/languages"


def test_a_version_is_no_part_of_the_name() -> None:
    assert unversioned(f"{LANGUAGES}|4.0.1") == LANGUAGES
    assert unversioned(LANGUAGES) == LANGUAGES


def test_the_version_is_what_follows_the_bar() -> None:
    assert version_of(f"{LANGUAGES}|4.0.1") == "4.0.1"
    assert version_of(LANGUAGES) is None
    assert version_of(f"{LANGUAGES}|") is None
