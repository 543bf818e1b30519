"""Index values: folding, and keys that sort as the numbers they stand for."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.values import HIGHEST_KEY, LOWEST_KEY, decimal_key, fold, fold_code, normal

numbers = st.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=25).map(tuple),
    st.integers(-400, 400),
)


@given(numbers, numbers)
def test_keys_sort_as_their_numbers(one: Decimal, other: Decimal) -> None:
    assert (decimal_key(one) < decimal_key(other)) == (one < other)
    assert (decimal_key(one) == decimal_key(other)) == (one == other)


@given(numbers)
def test_every_key_is_between_the_open_ends(number: Decimal) -> None:
    assert LOWEST_KEY < decimal_key(number) < HIGHEST_KEY


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [("-1E400", "-1"), ("-1.1", "-1"), ("-1", "-0.9"), ("-0.1", "0"), ("0", "1E-400"), ("9", "10")],
)
def test_keys_keep_the_order_where_signs_and_lengths_change(smaller: str, larger: str) -> None:
    assert decimal_key(Decimal(smaller)) < decimal_key(Decimal(larger))


@pytest.mark.parametrize(("one", "other"), [("1", "1.000"), ("0", "-0.00"), ("100", "1E2"), ("120.0", "1.2E+2")])
def test_equal_numbers_have_equal_keys_whatever_their_spelling(one: str, other: str) -> None:
    assert decimal_key(Decimal(one)) == decimal_key(Decimal(other))


def test_whole_numbers_and_decimals_share_their_keys() -> None:
    assert decimal_key(37) == decimal_key(Decimal("37.0"))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1E70000"])
def test_what_is_no_number_in_reach_has_no_key(text: str) -> None:
    with pytest.raises(ValueError):
        decimal_key(Decimal(text))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Çelik", "celik"),
        ("ZOÉ", "zoe"),
        ("Zoe\u0301", "zoe"),
        ("Straße", "strasse"),
        ("  Ann \t Lee\u00a0", "ann lee"),
        ("İstanbul", "istanbul"),
        ("Ŀ", "l·"),
        ("日本", "日本"),
    ],
)
def test_folding_forgets_case_accents_and_runs_of_white_space(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("text", "norm"),
    [
        ("Jean-Pierre", "jean pierre"),
        ("O'Brien", "obrien"),
        ("d’Arcy", "darcy"),
        ("L‘Église «Saint-Luc»", "leglise saint luc"),
        ("St.  Mary's\tClinic", "st marys clinic"),
        ("Smith, Jr.", "smith jr"),
        ("12/B_3", "12 b 3"),
        ("5.4 mg, 1,5 ml.", "5.4 mg 1,5 ml"),
        ("100 % €", "100 €"),
        ("王・小明", "王小明"),
        ("?!", "?!"),
        ("…", "..."),
        (" \t", ""),
    ],
)
def test_strings_compare_without_punctuation(text: str, norm: str) -> None:
    assert normal(text) == norm


@given(st.text())
def test_comparing_without_punctuation_twice_changes_nothing_more(text: str) -> None:
    assert normal(normal(text)) == normal(text)
    assert normal(text) or not fold(text)


@pytest.mark.parametrize("letter", [chr(number) for number in range(33, 127)])
def test_ascii_is_compared_as_any_other_text(letter: str) -> None:
    assert normal(f"{letter} a") == normal(f"{letter} á"), "with an accent the letters take the other road"
    kept = normal(f"a{letter}b").replace(" ", "") != "ab"
    assert kept == (letter != "`" and unicodedata.category(letter)[0] != "P")


def test_codes_fold_without_case_but_keep_their_accents_and_blanks() -> None:
    assert fold_code("Ab  É") == "ab  é"


@pytest.mark.parametrize(
    ("text", "folded"), [("Lebœuf", "leboeuf"), ("Łukasz", "lukasz"), ("SØREN", "soren"), ("Ægir", "aegir")]
)
def test_joined_and_struck_letters_count_as_what_people_type(text: str, folded: str) -> None:
    assert fold(text) == fold(folded) == folded
