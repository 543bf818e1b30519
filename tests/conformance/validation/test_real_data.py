"""The standard's examples, Synthea's patients and real summaries: the right pass, of the wrong the fault is told."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import cache
from typing import Any

from profiles.issues import Issue
from profiles.validation.validator import Validator
from tests.fakes.shared import SHARED_DATA, needs_shared_data, parse, r4_examples, synthea_bundles
from tests.fakes.wrong_examples import WRONG_EXAMPLES

pytestmark = needs_shared_data

CLEAN_SUMMARIES = 14
"""At least so many of the 32 patient summaries are without any error."""


@cache
def validator() -> Validator:
    return Validator()


def errors(resource: Any) -> list[Issue]:
    return [issue for issue in validator().validate(resource) if issue.is_error]


def element(issue: Issue) -> str:
    """Return the expression without indexes."""
    return "".join(part.partition("]")[2] if "]" in part else part for part in str(issue.expression).split("["))


def test_every_official_example_is_right_except_those_that_are_wrong() -> None:
    told = {}
    for resource in r4_examples():
        issues = errors(resource)
        if issues:
            told[resource["resourceType"], resource["id"]] = {element(issue) for issue in issues}

    assert told == {name: elements for name, (elements, _) in WRONG_EXAMPLES.items()}


def resolved(node: Any) -> None:
    """Put a literal reference in place of each conditional one, as the processing of a transaction does."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "reference" and isinstance(value, str) and "?" in value and "/" not in value.partition("?")[0]:
                node[name] = f"{value.partition('?')[0]}/1"
            else:
                resolved(value)
    elif isinstance(node, list):
        for each in node:
            resolved(each)


def test_synthea_is_without_any_finding_but_for_a_unit_that_ucum_does_not_have() -> None:
    count = 0
    advice: list[str] = []
    for bundle in synthea_bundles():
        resolved(bundle)
        issues = validator().validate(bundle)
        assert [each for each in issues if each.is_error] == []
        advice += [str(each.expression).rpartition(".resource.")[2] for each in issues]
        count += len(bundle["entry"])

    assert count == 15_678
    # "(score)" in place of "{score}".
    assert advice == ["value.code"] * 3


def test_unresolved_conditional_references_are_told_with_the_way_out() -> None:
    bundle = next(synthea_bundles("b-*.json.gz"))
    issues = errors(bundle)

    assert issues
    assert all("is a conditional reference" in issue.message for issue in issues)


def summaries() -> Iterator[tuple[str, Any]]:
    for path in sorted((SHARED_DATA / "ips").glob("*.json.gz")):
        yield path.name, parse(gzip.decompress(path.read_bytes()))


def test_patient_summaries_are_answered_and_most_are_right() -> None:
    clean, places = 0, set()
    for _, bundle in summaries():
        issues = errors(bundle)
        clean += not issues
        places |= {(issue.code, element(issue).removeprefix("Bundle.entry.resource.")) for issue in issues}
        assert all(issue.expression and issue.expression.startswith("Bundle.") for issue in issues)

    assert clean >= CLEAN_SUMMARIES
    # Ids of more than 64 characters, codes of other systems, `idref` in narratives, authors left out or outside.
    assert {("value", "id"), ("code-invalid", "clinicalStatus"), ("invariant", "section.text.div")} <= places
    assert ("required", "author") in places
