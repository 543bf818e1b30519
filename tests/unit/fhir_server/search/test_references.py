"""The forms of references."""

from __future__ import annotations

import pytest

from fhir_server.search.references import NO_VERSION, canonical, foreign_reference, foreign_type, local_reference

BASE = "https://fhir.example.org/fhir"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient/1", ("Patient", "1", 0)),
        ("Patient/1/_history/3", ("Patient", "1", 3)),
        (BASE + "/Patient/1", ("Patient", "1", 0)),
        (BASE + "/Patient/a.b-C/_history/2", ("Patient", "a.b-C", 2)),
        ("Patient/1/_history/x", ("Patient", "1", NO_VERSION)),
        ("Patient/1/_history/0", ("Patient", "1", NO_VERSION)),
    ],
)
def test_relative_and_own_references_are_local(text: str, expected: tuple[str, str, int]) -> None:
    assert local_reference(text, BASE) == expected


@pytest.mark.parametrize(
    "text",
    [
        "https://other.example.org/fhir/Patient/1",
        BASE + "s/Patient/1",
        "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
        "#p1",
        "Person",
        "Nonsense/1",
        "Patient/1/name",
        "Patient/" + "a" * 65,
        "",
    ],
)
def test_everything_else_is_not(text: str) -> None:
    assert local_reference(text, BASE) is None


def test_a_foreign_url_tells_its_type_when_it_is_restful() -> None:
    assert foreign_type("https://other.example.org/fhir/Patient/1/_history/2") == "Patient"
    assert foreign_type("https://other.example.org/fhir/patients/1") is None
    assert foreign_type("Patient/1") is None


def test_a_foreign_version_is_told_apart_from_its_resource() -> None:
    url = "https://other.example.org/fhir/Patient/1"
    assert foreign_reference(url + "/_history/2") == (url, "2")
    assert foreign_reference(url) == (url, "")
    assert foreign_reference("https://example.org/_history/2") == ("https://example.org/_history/2", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://example.org/q", ("http://example.org/q", "")),
        ("http://example.org/q|1.0", ("http://example.org/q", "1.0")),
        ("http://example.org/q|1.0#part", ("http://example.org/q#part", "1.0")),
    ],
)
def test_canonical_urls_carry_their_version_after_a_bar(text: str, expected: tuple[str, str]) -> None:
    assert canonical(text) == expected
