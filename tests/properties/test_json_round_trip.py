"""Whatever JSON FHIR can hold comes out as it went in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import ParseFailed
from fhir_server.model.fhir_json import encode, encode_pretty, parse, parse_stored

ALLOWED = st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\ufffe\uffff").filter(
    lambda c: c >= " " or c in "\t\r\n"
)
TEXT = st.text(ALLOWED, max_size=30)
DIGITS = st.text("0123456789", min_size=1, max_size=15)
NUMBERS = st.builds(
    lambda sign, whole, fraction, exponent: f"{sign}{whole.lstrip('0') or '0'}{fraction}{exponent}",
    st.sampled_from(("", "-")),
    DIGITS,
    DIGITS.map(lambda d: "." + d) | st.just(""),
    st.builds(lambda e, s, n: f"{e}{s}{n}", st.sampled_from("eE"), st.sampled_from(("", "+", "-")), st.integers(0, 400))
    | st.just(""),
)


class Written(str):
    """A number as text, to be written into JSON as it is."""


VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS.map(Written) | TEXT,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(TEXT, inside, max_size=4),
    max_leaves=20,
)


def written(value: Any, escape: bool) -> str:
    """Return the JSON of a value, numbers as given, other characters than ASCII escaped or not."""
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(k, ensure_ascii=escape)} : {written(v, escape)}" for k, v in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(written(each, escape) for each in value) + "]"
    return json.dumps(value, ensure_ascii=escape)


def numbers(value: Any) -> Iterator[str]:
    """Yield the numbers of a value as they are spelled."""
    if isinstance(value, Written):
        yield str(value)
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from numbers(each)


def within(literal: str) -> bool:
    """Return whether a number is within bounds, as it is spelled and as Python spells it."""
    exponent = literal.lower().partition("e")[2]
    if len(literal) > 40 or abs(int(exponent or 0)) > 400:
        return False
    spelled = str(Decimal(literal)) if exponent else literal
    return len(spelled) <= 40 and abs(int(spelled.lower().partition("e")[2] or 0)) <= 400


def expected(value: Any) -> Any:
    """Return what the value is in Python: numbers with their type, sign and digits spelled out."""
    if isinstance(value, Written):
        whole = value.lstrip("-").isdigit()
        return (int, int(value)) if whole else (Decimal, Decimal(value).as_tuple())
    if isinstance(value, dict):
        return [(name, expected(each)) for name, each in value.items()]
    return [expected(each) for each in value] if isinstance(value, list) else value


def seen(value: Any) -> Any:
    """Return a parsed value in the form of `expected`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return (int, value)
    if isinstance(value, Decimal):
        return (Decimal, value.as_tuple())
    if isinstance(value, dict):
        return [(name, seen(each)) for name, each in value.items()]
    return [seen(each) for each in value] if isinstance(value, list) else value


@given(VALUES, st.booleans())
def test_value_order_type_and_digits_survive(value: Any, escape: bool) -> None:
    try:
        parsed = parse(written(value, escape).encode())
    except ParseFailed:
        # A number may be within bounds as it is sent and beyond them as it would be written.
        assert any(not within(each) for each in numbers(value))
        return
    assert seen(parsed) == expected(value)
    again = parse(encode(parsed))
    # An exponent may be gone after the first time (0e0 is written 0): equal value and precision all the same.
    assert seen(parse(encode(again))) == seen(again)
    assert again == parsed
    assert seen(parse_stored(encode(parsed))) == seen(again) == seen(parse(encode_pretty(parsed)))


@given(st.text('0123456789.eE+-:,[] "\\', max_size=120))
def test_the_search_for_big_numbers_agrees_with_a_slow_reader(text: str) -> None:
    bad: list[str] = []

    def number(literal: str) -> int:
        if not within(literal):
            bad.append(literal)
        return 0

    try:
        json.loads(text, parse_int=number, parse_float=number, parse_constant=None)
    except ValueError:
        return
    try:
        parse(text.encode())
    except ParseFailed:
        assert bad
    else:
        assert not bad
