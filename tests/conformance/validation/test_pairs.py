"""Pairs after the specification: of two resources one keeps a rule and the other breaks it, at the element named.

`page` is the page of R4 (http://hl7.org/fhir/R4/) that states the rule. `strict` marks what is an error for strict
validation only, as for HL7's own validator, and a warning or nothing otherwise.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fhir_server.interactions.judging import ProfileJudge
from fhir_server.interactions.profiles import judged
from profiles.issues import Issue
from profiles.packages.catalogue import Catalogue
from profiles.validation.validator import Validator
from tests.fakes.shared import parse

PAIRS = parse((Path(__file__).parent / "pairs.json").read_bytes())


@cache
def judge(strict: bool) -> tuple[Validator, ProfileJudge]:
    validator = Validator(strict=strict)
    return validator, ProfileJudge(Catalogue(), validator)


def errors(resource: dict[str, Any], strict: bool) -> list[Issue]:
    validator, profiles = judge(strict)
    return [each for each in judged(resource, (), validator=validator, judge=profiles) if each.is_error]


@pytest.mark.parametrize("pair", PAIRS, ids=[each["rule"] for each in PAIRS])
def test_one_keeps_the_rule_and_the_other_breaks_it(pair: dict[str, Any]) -> None:
    assert errors(pair["valid"], True) == []
    assert pair["element"] in {each.expression for each in errors(pair["invalid"], True)}


@pytest.mark.parametrize("pair", [each for each in PAIRS if each["strict"]], ids=lambda pair: str(pair["rule"]))
def test_what_is_strict_is_no_error_for_a_server(pair: dict[str, Any]) -> None:
    assert errors(pair["invalid"], False) == []
