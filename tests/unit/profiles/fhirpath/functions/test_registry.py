"""The set of functions."""

from __future__ import annotations

import pytest

from profiles.fhirpath.errors import FhirPathSyntaxError
from profiles.fhirpath.functions.registry import RULES, function

NORMATIVE = """
    empty exists all allTrue anyTrue allFalse anyFalse subsetOf supersetOf count distinct isDistinct
    where select repeat ofType single first last tail skip take intersect exclude union combine
    iif toBoolean convertsToBoolean toInteger convertsToInteger toDate convertsToDate toDateTime convertsToDateTime
    toDecimal convertsToDecimal toQuantity convertsToQuantity toString convertsToString toTime convertsToTime
    indexOf substring startsWith endsWith contains upper lower replace matches replaceMatches length toChars
    abs ceiling exp floor ln log power round sqrt truncate children descendants trace now timeOfDay today
    is as not aggregate type
"""
ADDED_BY_FHIR = """
    extension hasValue getValue resolve elementDefinition slice checkModifiers conformsTo memberOf subsumes subsumedBy
    htmlChecks
"""
TRIAL_USE = """
    repeatAll coalesce sort lastIndexOf matchesFull encode decode escape unescape trim split join defineVariable
    lowBoundary highBoundary precision comparable sum min max avg yearOf monthOf dayOf hourOf minuteOf secondOf
    millisecondOf timezoneOffsetOf dateOf timeOf
"""


def test_the_functions_are_those_of_the_standard() -> None:
    assert set(RULES) == set((NORMATIVE + ADDED_BY_FHIR + TRIAL_USE).split())


def test_an_unknown_function_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(FhirPathSyntaxError, match=r"startsWith\(\) is meant"):
        function("startWith", 3)
    with pytest.raises(FhirPathSyntaxError, match="no function"):
        function("zzz", 0)
