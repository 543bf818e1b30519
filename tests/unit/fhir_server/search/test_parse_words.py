"""Full text expressions (http://hl7.org/fhir/R4/search.html#text)."""

from __future__ import annotations

import pytest

from fhir_server.search.query import And, Node, Not, Or, Words
from tests.fakes.searching import refusal, where


def words(*phrases: str, narrative: bool = False) -> Words:
    """A leaf of phrases; an asterisk at the end of one leaves it open."""
    return Words(tuple((tuple(each.rstrip("*").split()), each.endswith("*")) for each in phrases), narrative)


@pytest.mark.parametrize(
    ("value", "node"),
    [
        ("bone", words("bone")),
        ("Bone  MÉTASTASES", words("bone", "metastases")),
        ('"Heart failure" acute', words("heart failure", "acute")),
        ("cardi*", words("cardi*")),
        ('"heart fail*"', words("heart fail*")),
        ("co-morbid", words("co morbid")),
        ("liver,bone", Or((words("liver"), words("bone")))),
        ("liver OR bone", Or((words("liver"), words("bone")))),
        ("pain and fever", words("pain", "fever")),
        ("pain AND fever", words("pain", "fever")),
        ("pain NOT fever", And((words("pain"), Not(words("fever"))))),
        ("NOT pain", Not(words("pain"))),
        ("NOT (pain fever)", Not(words("pain", "fever"))),
        ("do not resuscitate", words("do", "not", "resuscitate")),
        ('"this, that"', words("this that")),
        (r"this\, that", words("this", "that")),
        ("- pain", words("pain")),
        ("pain pain", words("pain")),
    ],
)
def test_expressions_are_read(value: str, node: Node) -> None:
    assert where("Condition", "_content", value) == node


def test_the_example_of_the_specification() -> None:
    assert where("Condition", "_text", "(bone OR liver) and metastases") == And(
        (
            words("metastases", narrative=True),
            Or((words("bone", narrative=True), words("liver", narrative=True))),
        )
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "must not be empty"),
        ("- !", "at least one word"),
        ("AND OR", "at least one word"),
        ('"bone', "ends with another"),
        ("b*ne", "at the end"),
        ("*ache", "at the end"),
        ("bone OR", "a word is missing"),
        ("bone,,liver", "a word is missing"),
        ("AND bone", "a word is missing"),
        ("(bone", "not closed"),
        ("bone)", "not opened"),
        ("() bone", "a word is missing"),
        ("bone NOT", "a word is missing"),
        ("(" * 30 + "bone" + ")" * 30, "a word is missing"),
        ("a " * 101, "at most 100"),
        ("a\\b", "backslash"),
    ],
)
def test_misshapen_expressions_are_refused(value: str, says: str) -> None:
    refused = refusal("Condition", ("_content", value))
    assert says in str(refused)
    assert "bone" not in str(refused)


def test_a_text_search_has_no_modifiers() -> None:
    assert "no modifiers" in str(refusal("Condition", ("_text:exact", "x")))
