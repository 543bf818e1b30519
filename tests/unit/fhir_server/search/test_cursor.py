"""Page cursors: sealed, bound to their search, and mortal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, Gone
from fhir_server.search.cursor import LIFETIME, Cursor, seal, unseal

SECRET = b"s" * 32
ISSUED = 1_750_000_000_000_000
SEARCH = [("name", "anna"), ("_count", "2")]
CURSOR = Cursor(position=17, after=12, issued=ISSUED)


def opened(text: str, **changes: object) -> Cursor:
    given = {"type": "Patient", "parameters": SEARCH, "secret": SECRET, "now": ISSUED, **changes}
    return unseal(text, **given)  # type: ignore[arg-type]


def test_a_cursor_comes_back_from_its_word() -> None:
    assert opened(seal(CURSOR, "Patient", SEARCH, SECRET)) == CURSOR


def test_the_word_needs_no_escaping_in_a_url() -> None:
    word = seal(CURSOR, "Patient", SEARCH, SECRET)
    assert set(word) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.data())
def test_no_letter_of_the_word_can_be_changed(data: st.DataObject) -> None:
    word = seal(CURSOR, "Patient", SEARCH, SECRET)
    at = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("ABCabc019-_=+/ é").filter(lambda each: each != word[at]))
    with pytest.raises(BadRequest):
        opened(word[:at] + letter + word[at + 1 :])


@pytest.mark.parametrize("text", ["", "x", "%%%", "A" * 1000])
def test_what_never_was_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="first page"):
        opened(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "Observation"},
        {"parameters": SEARCH[:1]},
        {"parameters": SEARCH[::-1]},
        {"parameters": [("name", "anna_count"), ("", "2")]},
    ],
)
def test_a_cursor_serves_no_other_search(changes: dict[str, object]) -> None:
    with pytest.raises(BadRequest, match="another search"):
        opened(seal(CURSOR, "Patient", SEARCH, SECRET), **changes)


def test_a_cursor_of_another_server_is_refused() -> None:
    with pytest.raises(BadRequest):
        opened(seal(CURSOR, "Patient", SEARCH, b"t" * 32))


def test_a_cursor_lives_an_hour() -> None:
    word = seal(CURSOR, "Patient", SEARCH, SECRET)
    assert opened(word, now=ISSUED + LIFETIME) == CURSOR
    with pytest.raises(Gone, match=r"older than 60 minutes.*first page"):
        opened(word, now=ISSUED + LIFETIME + 1)


def test_a_short_life_is_told_in_seconds() -> None:
    word = seal(CURSOR, "Patient", SEARCH, SECRET)
    with pytest.raises(Gone, match="older than 90 seconds"):
        opened(word, now=ISSUED + 90_000_001, lifetime=90_000_000)
