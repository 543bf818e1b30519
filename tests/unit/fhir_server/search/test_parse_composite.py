"""Composites (http://hl7.org/fhir/R4/search.html#composite)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir_server.search.query import Date, Not, Or, Present, Quantity, Reference, String, Together, Token
from fhir_server.search.values import decimal_key
from tests.fakes.searching import DAY, FEBRUARY_29, refusal, where

UCUM = "http://unitsofmeasure.org"


def key(text: str) -> bytes:
    return decimal_key(Decimal(text))


def test_parts_are_read_each_as_its_own_parameter() -> None:
    assert where("Observation", "component-code-value-quantity", "http://loinc.org|8480-6$lt60") == Together(
        (
            (Token("component-code", "http://loinc.org", "8480-6"),),
            (Quantity("component-value-quantity", "lt", key("60"), key("60")),),
        )
    )
    assert where("Observation", "code-value-string", r"a$b\$C") == Together(
        ((Token("code", None, "a"),), (String("value-string", "b$c"),))
    )
    assert where("Observation", "code-value-date", "a$ge2020-02-29") == Together(
        ((Token("code", None, "a"),), (Date("value-date", "ge", FEBRUARY_29, FEBRUARY_29 + DAY - 1),))
    )


def test_a_part_may_be_a_reference() -> None:
    assert where("DocumentReference", "relationship", "DocumentReference/1$replaces") == Together(
        ((Reference("relatesto", "DocumentReference", "1"),), (Token("relation", None, "replaces"),))
    )


def test_a_part_has_all_entries_that_answer_for_it() -> None:
    assert where("Observation", "combo-code-value-quantity", f"1$gt5|{UCUM}|kg") == Together(
        (
            (Token("code", None, "1"), Token("component-code", None, "1")),
            (
                Quantity("component-value-quantity", "gt", key("5"), key("5"), UCUM, "kg"),
                Quantity("component-value-quantity:ucum", "gt", key("5000"), key("5000"), UCUM, "g"),
                Quantity("value-quantity", "gt", key("5"), key("5"), UCUM, "kg"),
                Quantity("value-quantity:ucum", "gt", key("5000"), key("5000"), UCUM, "g"),
            ),
        )
    )


def test_commas_are_alternatives_each_matched_inside_one_instance() -> None:
    found = where("Group", "characteristic-value", "gender$mixed,owner$Eve")
    assert found == Or(
        (
            Together(((Token("characteristic", None, "gender"),), (Token("value", None, "mixed"),))),
            Together(((Token("characteristic", None, "owner"),), (Token("value", None, "Eve"),))),
        )
    )


def test_a_composite_is_missing_when_no_instance_has_all_parts() -> None:
    parts = Together(((Present("code"),), (Present("value-quantity"),)))
    assert where("Observation", "code-value-quantity:missing", "true") == Not(parts)
    assert where("Observation", "code-value-quantity:missing", "false") == parts


@pytest.mark.parametrize("value", ["a", "a$5$6", "a$", "$5", "a$gtx", r"a\$5"])
def test_misshapen_composites_are_refused_by_their_own_name(value: str) -> None:
    refused = refusal("Observation", ("code-value-quantity", value))
    assert (refused.status, refused.issues[0].expression) == (400, "code-value-quantity")


def test_modifiers_are_not_used_on_composites() -> None:
    assert ":not is not answered" in str(refusal("Observation", ("code-value-quantity:not", "a$5")))
