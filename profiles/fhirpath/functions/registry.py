"""All functions by name."""

from __future__ import annotations

from difflib import get_close_matches

from profiles.fhirpath.call import Rule
from profiles.fhirpath.errors import FhirPathSyntaxError
from profiles.fhirpath.functions import (
    aggregates,
    boundaries,
    collections,
    conversion,
    encoding,
    fhir,
    mathematics,
    navigation,
    strings,
)

RULES: dict[str, Rule] = {
    **collections.RULES,
    **navigation.RULES,
    **conversion.RULES,
    **strings.RULES,
    **encoding.RULES,
    **boundaries.RULES,
    **aggregates.RULES,
    **mathematics.RULES,
    **fhir.RULES,
}


def function(name: str, position: int) -> Rule:
    """Return the rule of a function. Raises FhirPathSyntaxError for an unknown one."""
    rule = RULES.get(name)
    if rule is None:
        close = get_close_matches(name, RULES, 1)
        hint = f"; {close[0]}() is meant, perhaps" if close else ""
        raise FhirPathSyntaxError(f"{name}() is no function of FHIRPath in FHIR R4{hint}", position)
    return rule
