"""What $validate-code is to check: a code, a Coding, or the Codings of a CodeableConcept, and the verdict on one.

See http://hl7.org/fhir/R4/valueset-operation-validate-code.html: exactly one of the three comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import BadRequest
from fhir_server.operations.parameters import Given

_WAYS = ("code", "coding", "codeableConcept")


@dataclass(frozen=True, slots=True)
class Checked:
    """One code to check; `system` is "" where a code system is asked and so its own is meant."""

    system: str
    code: str
    version: str | None
    display: str | None


@dataclass(frozen=True, slots=True)
class Codings:
    """What is asked: one of `checked` has to be right, in the `language` of displays; `abstract` as it came."""

    checked: tuple[Checked, ...]
    language: str | None
    abstract: bool | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one code."""

    result: bool
    message: str | None = None
    display: str | None = None


def codings(given: Given, in_set: bool) -> Codings:
    """Return what is to be checked, in a value set or a code system. Raises BadRequest unless it came in one way."""
    ways = [name for name in _WAYS if name in given]
    if len(ways) != 1:
        told = f"{' and '.join(ways)} came" if ways else "none came"
        raise BadRequest(
            f"One of the parameters code, coding and codeableConcept says what is checked, and {told}: give one.",
            expression=ways[1] if ways else "code",
            code="invalid" if ways else "required",
        )
    for name in ("system", "systemVersion", "display"):
        if name in given and ways[0] != "code":
            raise BadRequest(
                f"The parameter {name} goes with code; a {ways[0]} has its own: leave it out.", expression=name
            )
    if ways[0] == "code":
        system = given.demand("system", "a code means nothing without its code system") if in_set else ""
        version = given.text("systemVersion") if in_set else None
        checked = [Checked(system, given.one("code"), version, given.text("display"))]
    elif ways[0] == "coding":
        checked = [_checked(given.one("coding"), "coding", in_set)]
    else:
        rows = given.one("codeableConcept").get("coding", ())
        checked = [_checked(row, f"codeableConcept.coding[{at}]", in_set) for at, row in enumerate(rows)]
        if not checked:
            raise BadRequest(
                "The parameter codeableConcept has no coding: a text cannot be checked.",
                expression="codeableConcept.coding",
                code="required",
            )
    return Codings(tuple(checked), given.text("displayLanguage"), given.one("abstract"))


def _checked(coding: Mapping[str, Any], place: str, in_set: bool) -> Checked:
    for name in ("system", "code") if in_set else ("code",):
        if name not in coding:
            raise BadRequest(f"The parameter {place} has no {name}.", expression=f"{place}.{name}", code="required")
    return Checked(coding.get("system", ""), coding["code"], coding.get("version"), coding.get("display"))
