"""Codes of systems that are here whole."""

from __future__ import annotations

from typing import Any

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
    "caseSensitive": False,
    "concept": [{"code": "a", "display": "One", "designation": [{"language": "fr", "value": "Un"}]}],
}


def issues(
    code: str, system: Json = CODES, strict: bool = False, language: str = "en-GB", **more: Any
) -> list[tuple[str, str, str | None]]:
    coding = {"system": SYSTEM, "code": code, **more}
    concept = {"coding": [coding]}
    observation = {"resourceType": "Observation", "language": language, "status": "final", "code": concept}
    return told(validate_with(observation, (), known(system, strict=strict), validator=Validator()))


PLACE = "Observation.code.coding[0]"


def test_a_code_that_a_whole_system_does_not_have_is_an_error() -> None:
    assert issues("a") == []
    assert issues("A") == []
    assert issues("b") == [("error", "code-invalid", PLACE)]
    assert issues("A", {**CODES, "caseSensitive": True}) == [("error", "code-invalid", PLACE)]


def test_of_a_part_or_another_version_nothing_is_said() -> None:
    assert issues("b", {**CODES, "content": "fragment"}) == []
    assert issues("b", version="1") == []
    assert issues("b", version="2") == [("error", "code-invalid", PLACE)]


def test_displays_are_compared_when_strict() -> None:
    assert issues("a", display="Two") == []
    assert issues("a", strict=True, display="Two") == [("error", "value", PLACE)]
    assert issues("a", strict=True, display="one ") == []
    assert issues("a", strict=True, display="Un") == []


def test_displays_in_another_language_are_not_compared() -> None:
    assert issues("a", strict=True, display="Eins", language="de") == []
    german = {**CODES, "language": "de"}
    assert issues("a", german, strict=True, display="Eins", language="de-AT") == [("error", "value", PLACE)]
