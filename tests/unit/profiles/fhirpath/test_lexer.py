"""Tokens of FHIRPath, and complaints with their place."""

from __future__ import annotations

import pytest

from profiles.fhirpath.errors import FhirPathSyntaxError
from profiles.fhirpath.lexer import MAX_LENGTH, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name.given", [("name", "name"), ("symbol", "."), ("name", "given")]),
        ("`div`", [("quoted", "div")]),
        ("'a\\'b\\u0041\\n'", [("string", "a'bA\n")]),
        (r"'\\\/\f\r\n\t\"\`\''", [("string", "\\/\f\r\n\t\"`'")]),
        ("1.5", [("number", "1.5")]),
        ("1.is", [("number", "1"), ("symbol", "."), ("name", "is")]),
        ("@2015-02-04T14:34:28.5+02:00", [("date", "2015-02-04T14:34:28.5+02:00")]),
        ("@2015T", [("date", "2015T")]),
        ("@T14:34", [("time", "T14:34")]),
        ("%resource", [("variable", "resource")]),
        ("%`vs-a`", [("variable", "vs-a")]),
        ("%'ext-b'", [("variable", "ext-b")]),
        ('%"vs-c"', [("variable", "vs-c")]),
        ("$this", [("special", "this")]),
        ("a<=b", [("name", "a"), ("symbol", "<="), ("name", "b")]),
        ("a // to the end\n b /* in\nbetween */ c", [("name", "a"), ("name", "b"), ("name", "c")]),
    ],
)
def test_text_becomes_tokens(text: str, expected: list[tuple[str, str]]) -> None:
    found = tokens(text)
    assert [(token.kind, token.text) for token in found[:-1]] == expected
    assert (found[-1].kind, found[-1].position) == ("end", len(text))


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("a = 'open", 4, "closing '"),
        ('a = "x"', 4, "single quotes"),
        ("a # b", 2, "no meaning"),
        ("@20", 0, "begins a date"),
        ("$that", 0, "$this"),
        (r"'a\ud83d'", 0, "half of a character"),
    ],
)
def test_a_complaint_names_the_place_and_the_way_out(text: str, position: int, hint: str) -> None:
    with pytest.raises(FhirPathSyntaxError) as caught:
        tokens(text)
    assert caught.value.position == position
    assert hint in str(caught.value)


def test_an_endless_text_is_refused() -> None:
    with pytest.raises(FhirPathSyntaxError):
        tokens("a" * (MAX_LENGTH + 1))
