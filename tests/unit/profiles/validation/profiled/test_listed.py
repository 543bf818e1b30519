"""Codes that value sets and concept maps list, against code systems that are here whole."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.validation.profiled.context import Context
from profiles.validation.validate_with import validate_with
from profiles.validation.validator import Validator
from tests.fakes.profiled import known, told

Json = dict[str, Any]
SYSTEM = "http://example.org/CodeSystem/s"
CODES: Json = {
    "resourceType": "CodeSystem",
    "url": SYSTEM,
    "version": "2",
    "status": "active",
    "content": "complete",
    "caseSensitive": True,
    "concept": [{"code": "a"}, {"code": "b"}],
}


def value_set(**include: Any) -> Json:
    listed = {"system": SYSTEM, "concept": [{"code": "a"}, {"code": "x"}], **include}
    return {"resourceType": "ValueSet", "status": "draft", "compose": {"include": [listed]}}


def concept_map(**group: Any) -> Json:
    target = [{"code": "y", "equivalence": "equal"}, {"equivalence": "unmatched", "comment": "none"}]
    element = [{"code": "a", "target": target}, {"code": "x"}]
    return {"resourceType": "ConceptMap", "status": "draft", "group": [{"source": SYSTEM, "element": element, **group}]}


def issues(resource: Json, context: Context) -> list[tuple[str, str, str | None]]:
    return told(validate_with(resource, (), context, validator=Validator()))


LISTED = "ValueSet.compose.include[0].concept[1].code"


def test_a_value_set_lists_codes_that_the_system_has() -> None:
    assert issues(value_set(), known(CODES)) == [("warning", "code-invalid", LISTED)]
    assert issues(value_set(), known(CODES, strict=True)) == [("error", "code-invalid", LISTED)]
    assert issues(value_set(version="2"), known(CODES)) == [("warning", "code-invalid", LISTED)]


def test_a_concept_map_is_about_codes_that_the_systems_have() -> None:
    source = ("error", "code-invalid", "ConceptMap.group[0].element[1].code")
    target = ("error", "code-invalid", "ConceptMap.group[0].element[0].target[0].code")
    assert issues(concept_map(), known(CODES)) == [source]
    assert sorted(issues(concept_map(target=SYSTEM), known(CODES))) == sorted([source, target])


@pytest.mark.parametrize(
    ("resource", "system"),
    [
        (value_set(version="1"), CODES),
        (value_set(system="http://example.org/other"), CODES),
        (value_set(), {**CODES, "content": "fragment"}),
        (concept_map(sourceVersion="1"), CODES),
    ],
    ids=["version", "unknown", "fragment", "map-version"],
)
def test_what_is_not_here_whole_is_not_judged(resource: Json, system: Json) -> None:
    assert issues(resource, known(system)) == []


def test_systems_elsewhere_are_asked() -> None:
    asked: list[tuple[str, str | None, str]] = []

    def has_code(system: str, version: str | None, code: str) -> bool:
        asked.append((system, version, code))
        return code == "a"

    assert issues(value_set(), known(has_code=has_code)) == [("warning", "code-invalid", LISTED)]
    assert asked == [(SYSTEM, None, "a"), (SYSTEM, None, "x")]
