"""What all criteria of a search may weigh together."""

from __future__ import annotations

import pytest

from fhir_server.search.query import NOTHING, And, Chain, Has, Id, Node, Not, Or, Present, Token, Words
from fhir_server.search.weight import LINK, weight
from tests.fakes.searching import parsed, refusal

A, B = Token("code", None, "a"), Token("code", None, "b")
MANY = ",".join(f"c{number}" for number in range(1000))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (A, 1),
        (NOTHING, 0),
        (And((Or((A, B)), Not(A))), 3),
        (Chain("subject", "Patient", Or((A, B))), LINK + 2),
        (Has("Observation", "subject", Chain("encounter", "Encounter", Present("date"))), 2 * LINK + 1),
        (Id(("1", "2")), 2),
        (Words(((("heart",), False), (("rate",), True))), 2),
    ],
)
def test_values_weigh_one_and_references_more(node: Node, expected: int) -> None:
    assert weight(node) == expected


def test_criteria_within_the_limit_are_answered() -> None:
    assert parsed("Observation", *[("code", MANY)] * 20).warnings == ()


@pytest.mark.parametrize(
    ("types", "criteria"),
    [
        ("Observation", [("code", MANY)] * 21),
        ("Observation", [("subject:Patient.name", "a")] * 1000),
        (("Observation", "Condition", "Encounter"), [("_tag", MANY)] * 7),
    ],
)
def test_a_search_that_weighs_more_in_all_is_refused(
    types: str | tuple[str, ...], criteria: list[tuple[str, str]]
) -> None:
    for lenient in (False, True):
        (issue,) = refusal(types, *criteria, lenient=lenient).issues
        assert (issue.code, issue.expression) == ("too-costly", criteria[0][0].partition(":")[0])
        assert "ask in several searches" in issue.message
