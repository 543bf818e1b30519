"""Numbers and quantities (http://hl7.org/fhir/R4/search.html#number and #quantity)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir_server.search.parse_number import number_range
from fhir_server.search.query import Node, Number, Or, Quantity
from fhir_server.search.values import decimal_key
from tests.fakes.searching import refusal, where

UCUM = "http://unitsofmeasure.org"


def key(text: str) -> bytes:
    return decimal_key(Decimal(text))


@pytest.mark.parametrize(
    ("value", "prefix", "low", "high"),
    [
        ("100", "eq", "99.5", "100.5"),
        ("100.00", "eq", "99.995", "100.005"),
        ("1e2", "eq", "95", "105"),
        ("1.00e2", "eq", "99.5", "100.5"),
        ("5.40e-3", "eq", "0.005395", "0.005405"),
        ("5.4", "eq", "5.35", "5.45"),
        ("-100", "eq", "-100.5", "-99.5"),
        ("+2.0", "eq", "1.95", "2.05"),
        ("0", "eq", "-0.5", "0.5"),
        ("eq100", "eq", "99.5", "100.5"),
        ("ne100", "ne", "99.5", "100.5"),
        ("lt100", "lt", "100", "100"),
        ("le100", "le", "100", "100"),
        ("gt100", "gt", "100", "100"),
        ("ge-1e2", "ge", "-100", "-100"),
        ("sa0.8", "sa", "0.8", "0.8"),
        ("eb8E-1", "eb", "0.8", "0.8"),
        ("ap100", "ap", "90", "110"),
        ("ap-5.4", "ap", "-5.94", "-4.86"),
        (
            "1234567890123456789012345678901234567890",
            "eq",
            *("1234567890123456789012345678901234567889.5",),
            "1234567890123456789012345678901234567890.5",
        ),
    ],
)
def test_digits_imply_a_range_unless_a_prefix_means_the_number_itself(
    value: str, prefix: str, low: str, high: str
) -> None:
    assert number_range("probability", value) == (prefix, Decimal(low), Decimal(high))
    assert where("RiskAssessment", "probability", value) == Number("probability", prefix, key(low), key(high))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        "gtx",
        "x",
        "",
        "gt",
        "1,",
        "1.",
        ".5",
        "1e",
        "NaN",
        "Infinity",
        "0x1",
        "1_000",
        "١",
        "1e401",
        "1" * 41,
        "lgt5",
        "gtgt5",
        "5 ",
    ],
)
def test_what_is_no_number_is_refused_without_repeating_it(value: str) -> None:
    refused = refusal("RiskAssessment", ("probability", value))
    assert (refused.status, refused.issues[0].expression) == (400, "probability")
    assert "gtx" not in str(refused)


@pytest.mark.parametrize(
    ("value", "node"),
    [
        ("5.4", Quantity("value-quantity", "eq", key("5.35"), key("5.45"))),
        ("5.4||mg", Quantity("value-quantity", "eq", key("5.35"), key("5.45"), None, "mg")),
        ("le5.4|http://acme.org|x", Quantity("value-quantity", "le", key("5.4"), key("5.4"), "http://acme.org", "x")),
        ("5.4|http://acme.org|", Quantity("value-quantity", "eq", key("5.35"), key("5.45"), "http://acme.org", None)),
        ("5.4||", Quantity("value-quantity", "eq", key("5.35"), key("5.45"))),
        (f"gt5|{UCUM}|nonsense", Quantity("value-quantity", "gt", key("5"), key("5"), UCUM, "nonsense")),
    ],
)
def test_quantities_are_read_in_their_forms(value: str, node: Node) -> None:
    assert where("Observation", "value-quantity", value) == node


def test_ucum_quantities_also_find_their_equals_in_base_units() -> None:
    # A decilitre is 1e-4 cubic metres, so 5.4 g/dL is 54,000 g/m3, and 54 g/L is the same.
    found = where("Observation", "value-quantity", f"5.4|{UCUM}|g/dL")
    assert found == Or(
        (
            Quantity("value-quantity", "eq", key("5.35"), key("5.45"), UCUM, "g/dL"),
            Quantity("value-quantity:ucum", "eq", key("53500"), key("54500"), UCUM, "g.m-3"),
        )
    )
    other = where("Observation", "value-quantity", f"gt54|{UCUM}|g/L")
    assert isinstance(other, Or)
    assert other.nodes[1] == Quantity("value-quantity:ucum", "gt", key("54000"), key("54000"), UCUM, "g.m-3")


def test_temperatures_have_their_zero_moved() -> None:
    found = where("Observation", "value-quantity", f"ge37|{UCUM}|Cel")
    assert isinstance(found, Or)
    assert found.nodes[1] == Quantity("value-quantity:ucum", "ge", key("310.15"), key("310.15"), UCUM, "K")


@pytest.mark.parametrize("value", ["5.4|mg", "5.4|a|b|c", "gtx||mg", "|http://unitsofmeasure.org|mg", "5.4|a\\b|mg"])
def test_misshapen_quantities_are_refused(value: str) -> None:
    assert refusal("Observation", ("value-quantity", value)).issues[0].expression == "value-quantity"


def test_a_unit_beyond_every_magnitude_is_only_compared_with_itself() -> None:
    unit = ".".join(["Ym99"] * 30)
    assert isinstance(where("Observation", "value-quantity", f"5|{UCUM}|{unit}"), Quantity)
