"""Filters over loaded systems become rules (http://hl7.org/fhir/R4/codesystem.html#filters)."""

from __future__ import annotations

import pytest

from profiles.terminology.errors import NotExpandable
from profiles.terminology.head import Head
from profiles.terminology.rules import LOINC, SNOMED, rule_of
from profiles.terminology.selection import Above, Active, Below, Beside, Codes, Existing, Having, Like, Not, Rule
from profiles.terminology.value_set import Filter

KINDS = {"weight": "decimal", "site": "code", "map": "Coding"}
TREE = Head(1, "http://example.org/tree", None, "Tree", hierarchical=True, properties=KINDS)  # type: ignore[arg-type]
FLAT = Head(2, "http://example.org/flat", None, "Flat")
PARTS = Head(3, "http://example.org/parts", None, "Parts", hierarchical=True, meaning="part-of")


@pytest.mark.parametrize(
    ("head", "asked", "rule"),
    [
        (TREE, ("concept", "is-a", "a"), Below("a")),
        (TREE, ("code", "descendent-of", "a"), Below("a", itself=False)),
        (TREE, ("concept", "is-not-a", "a"), Not(Below("a"))),
        (TREE, ("concept", "generalizes", "a"), Above("a")),
        (FLAT, ("concept", "is-a", "a"), Codes(("a",))),
        (TREE, ("code", "in", "a, b"), Codes(("a", "b"))),
        (TREE, ("code", "not-in", "a,b"), Not(Codes(("a", "b")))),
        (TREE, ("code", "regex", "a.*"), Like("code", "a.*")),
        (TREE, ("parent", "=", "a"), Beside(("a",), "children")),
        (TREE, ("child", "in", "a,b"), Beside(("a", "b"), "parents")),
        (TREE, ("weight", "=", "1.50"), Having("weight", ("1.5",))),
        (TREE, ("weight", "in", "10,2"), Having("weight", ("10", "2"))),
        (TREE, ("site", "not-in", "x"), Not(Having("site", ("x",)))),
        (TREE, ("site", "exists", "false"), Not(Existing("site"))),
        (TREE, ("inactive", "=", "false"), Active()),
        (Head(4, SNOMED, None, "S"), ("concept", "in", "1"), Having("refset", ("1",))),
        (Head(5, LOINC, None, "L", hierarchical=True), ("ancestor", "=", "LP1-1"), Below("LP1-1", itself=False)),
    ],
)
def test_a_filter_is_a_rule(head: Head, asked: tuple[str, str, str], rule: Rule) -> None:
    assert rule_of(head, Filter(*asked)) == rule


@pytest.mark.parametrize(
    ("head", "asked", "words"),
    [
        (PARTS, ("concept", "is-a", "a"), "needs a hierarchy that means is-a"),
        (TREE, ("height", "=", "1"), "names a property that the code system does not have"),
        (TREE, ("weight", "=", "heavy"), "compares a number with something else"),
        (TREE, ("map", "=", "x"), "compares a property of type Coding"),
        (TREE, ("site", "exists", "yes"), "has a value that is neither true nor false"),
        (TREE, ("inactive", "=", "no"), "has a value that is neither true nor false"),
        (TREE, ("site", "regex", "x" * 501), "has a regular expression of more than 500 characters"),
        (TREE, ("site", "is-a", "x"), "is not supported"),
        (TREE, ("parent", "regex", "x"), "is not supported"),
    ],
)
def test_a_filter_that_cannot_be_followed_is_refused(head: Head, asked: tuple[str, str, str], words: str) -> None:
    with pytest.raises(NotExpandable, match=words) as caught:
        rule_of(head, Filter(*asked))
    assert caught.value.url == head.url
