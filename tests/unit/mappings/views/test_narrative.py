"""Narratives: made of text, and read as a reader sees them."""

from __future__ import annotations

import pytest

from mappings.views.narrative import narrative, text_of
from profiles.datatypes.narrative import narrative_findings

OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'


@pytest.mark.parametrize("text", ["a", "a\r\nb\rc\n", "<script>&amp;", "]]>", "\u0085\u2028", "🫀"])
def test_any_text_makes_xhtml_that_is_allowed(text: str) -> None:
    assert narrative_findings(narrative(text)["div"]) == []


def test_every_kind_of_line_end_is_one_line() -> None:
    assert narrative("a\r\nb\rc\nd")["div"] == f"{OPEN}a<br/>b<br/>c<br/>d</div>"


@pytest.mark.parametrize(
    ("inside", "seen"),
    [
        ("<p>One</p>\n  <p>Two   words</p>", "One\nTwo words"),
        ("a<br/>b", "a\nb"),
        ("<ul><li>x</li><li>y</li></ul>", "- x\n- y"),
        ("<table><tr><th>T</th><td>37</td></tr></table>", "T\t37"),
        ("<pre>a\n  b</pre>", "a\n  b".replace("  ", "")),
        ("<b>bold</b> and <!-- no -->plain &amp; more", "bold and plain & more"),
        ("", ""),
    ],
)
def test_a_narrative_is_read_as_a_reader_sees_it(inside: str, seen: str) -> None:
    assert text_of(f"{OPEN}{inside}</div>") == seen


def test_what_is_no_xhtml_is_read_without_its_markup() -> None:
    assert text_of("<div>a<br>b") == "a b"
    assert text_of("") == ""
