"""Separators and escapes inside search values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.text import BadEscape, escape, split, unescape


def test_an_escaped_separator_does_not_separate() -> None:
    assert split(r"a\,b,c", ",") == [r"a\,b", "c"]


def test_an_escaped_backslash_escapes_nothing_after_it() -> None:
    assert split("a\\\\,b", ",") == ["a\\\\", "b"]


def test_the_four_escapes_of_the_specification_are_understood() -> None:
    assert unescape(r"\,\|\$\\") == ",|$\\"


@pytest.mark.parametrize("text", [r"a\b", "a\\"])
def test_any_other_escape_is_refused(text: str) -> None:
    with pytest.raises(BadEscape):
        unescape(text)


@given(st.text(), st.text())
def test_escaped_text_comes_back_whole(one: str, other: str) -> None:
    parts = split(f"{escape(one)},{escape(other)}", ",")
    assert [unescape(part) for part in parts] == [one, other]
