"""Queries and forms (http://hl7.org/fhir/R4/search.html#escaping)."""

from __future__ import annotations

import pytest

from fhir_server.errors import BadRequest
from fhir_server.http.query import MAX_PAIRS, parse_query


def test_pairs_are_decoded_in_order_and_repeated_names_stay() -> None:
    found = parse_query(b"name=Zo%C3%A9+M&date=ge2020&date=lt2021&empty=&flag")
    assert found.pairs == (("name", "Zoé M"), ("date", "ge2020"), ("date", "lt2021"), ("empty", ""), ("flag", ""))


def test_the_protocols_own_parameters_are_taken_out() -> None:
    found = parse_query(b"_format=xml&_pretty=true&_count=3")
    assert (found.pairs, found.format, found.pretty) == ((("_count", "3"),), "xml", True)


def test_an_encoded_separator_belongs_to_the_value() -> None:
    assert parse_query(b"a=1%262%3D3%2B4").pairs == (("a", "1&2=3+4"),)


@pytest.mark.parametrize("raw", [b"a=%", b"a=%2", b"a=%zz", b"a=%ff", b"a=\xff", b"a=%00", b"%c3=1", b"_pretty=yes"])
def test_what_cannot_be_decoded_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_query(raw)


def test_too_many_parameters_are_refused() -> None:
    assert len(parse_query(b"&".join([b"a=1"] * MAX_PAIRS)).pairs) == MAX_PAIRS
    with pytest.raises(BadRequest):
        parse_query(b"&".join([b"a=1"] * (MAX_PAIRS + 1)))


def test_what_is_the_protocols_own_can_be_repeated() -> None:
    assert parse_query(b"_format=xml&name=a&_pretty=true").protocol == (("_format", "xml"), ("_pretty", "true"))
    assert parse_query(b"name=a&_pretty=false").protocol == ()
