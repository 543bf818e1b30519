"""Formats (http://hl7.org/fhir/R4/http.html#mime-type, https://www.rfc-editor.org/rfc/rfc9110#name-accept)."""

from __future__ import annotations

import pytest

from fhir_server.errors import NotAcceptable, UnsupportedMediaType
from fhir_server.http.negotiate import request_format, response_format, wants_raw

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("application/fhir+json", "json"),
        ("application/fhir+xml", "xml"),
        ("application/json", "json"),
        ("application/xml", "xml"),
        ("text/xml", "xml"),
        ("APPLICATION/FHIR+XML", "xml"),
        ("application/fhir+json;q=0.5, application/fhir+xml;q=0.9", "xml"),
        ("application/fhir+xml;q=0, */*", "json"),
        ("*/*, application/fhir+xml", "xml"),
        ("text/csv, application/fhir+xml;q=0.1", "xml"),
        ("application/fhir+json; fhirVersion=4.0", "json"),
        ("application/fhir+json; fhirVersion=3.0, application/fhir+xml; fhirVersion=4.0", "xml"),
        (BROWSER, "xml"),
    ],
)
def test_accept_chooses_the_format(accept: str | None, expected: str) -> None:
    assert response_format(accept, None) == expected


@pytest.mark.parametrize("accept", ["text/csv", "application/fhir+json; fhirVersion=5.0", "application/fhir+json;q=0"])
def test_an_accept_without_our_formats_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        response_format(accept, None)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("xml", "xml"),
        ("json", "json"),
        ("application/fhir+xml", "xml"),
        ("application/fhir xml", "xml"),
        ("text/xml", "xml"),
        ("application/fhir+json; fhirVersion=4.0", "json"),
    ],
)
def test_format_wins_over_accept(override: str, expected: str) -> None:
    assert response_format("application/fhir+turtle", override) == expected


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(NotAcceptable):
        response_format(None, "ttl")


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/fhir+json", "json"),
        ("application/fhir+json;charset=UTF-8", "json"),
        ('application/json; charset="utf-8"', "json"),
        ("application/fhir+xml; fhirVersion=4.0", "xml"),
        ("text/xml", "xml"),
    ],
)
def test_content_type_says_what_the_body_is(content_type: str, expected: str) -> None:
    assert request_format(content_type) == expected


@pytest.mark.parametrize(
    "content_type",
    [None, "", "json", "text/plain", "application/fhir+json; fhirVersion=5.0", "application/fhir+json; charset=utf-16"],
)
def test_another_content_type_is_refused(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        request_format(content_type)


@pytest.mark.parametrize(
    ("accept", "override", "expected"),
    [
        (None, None, True),
        ("*/*", None, True),
        ("application/pdf", None, True),
        ("application/*", None, True),
        ("application/fhir+json", None, False),
        ("application/fhir+xml, */*;q=0.1", None, False),
        ("application/json", None, False),
        ("*/*", "json", False),
    ],
)
def test_a_binary_comes_as_content_unless_fhir_is_named(
    accept: str | None, override: str | None, expected: bool
) -> None:
    assert wants_raw(accept, override, "application/pdf") is expected


def test_a_refused_patch_is_told_of_json_patch_too() -> None:
    with pytest.raises(UnsupportedMediaType, match="application/json-patch"):
        request_format("text/plain", patch=True)
