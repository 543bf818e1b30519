"""Required bindings: whether a code or a CodeableConcept is in the value set the standard demands.

Extensible and weaker bindings are never errors (http://hl7.org/fhir/R4/terminologies.html#strength).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from profiles.terminology.canonical import unversioned
from profiles.terminology.codes import SYNTAX, expansion, open_system
from profiles.terminology.value_set import Coded

_SHOWN = 12
_QUOTABLE = re.compile(r"[A-Za-z0-9._+\-/]{1,40}")


@cache
def _codes(value_set: str) -> frozenset[str] | None:
    found = expansion(value_set)
    return None if found is None else frozenset(code for _, code in found)


@cache
def _form(system: str) -> re.Pattern[str]:
    return re.compile(SYNTAX[system])


def code_fault(value_set: str, code: str) -> str | None:
    """Return what is wrong with `code` where the value set is required, None when it is right or cannot be told."""
    codes = _codes(value_set)
    if codes is not None:
        if code in codes:
            return None
        return f"{_quoted(code)} not a code of the required value set {unversioned(value_set)}; {_allowed(codes)}"
    system = open_system(value_set)
    if system is None or _form(system).fullmatch(code):
        return None
    return f"{_quoted(code)} not a code of {system}, which this element requires"


def concept_fault(value_set: str, concept: Any) -> str | None:
    """Return why a CodeableConcept misses its required value set, None when it has it or when that cannot be told.

    One coding of the value set is enough. A concept with extensions instead of codings may say why there is none.
    """
    if not isinstance(concept, dict):
        return None
    codings = concept.get("coding")
    if codings is None:
        if "extension" in concept or not (expansion(value_set) or open_system(value_set)):
            return None
        return f"must have a coding of the required value set {unversioned(value_set)}, text alone is not enough"
    if not isinstance(codings, list) or any(_is_in(value_set, each) for each in codings):
        return None
    found = expansion(value_set)
    hint = _allowed_codings(found) if found else f"use the system {open_system(value_set)}"
    return f"must have a coding of the required value set {unversioned(value_set)}; {hint}"


def _is_in(value_set: str, coding: Any) -> bool:
    if not isinstance(coding, dict):
        return False
    system, code = coding.get("system"), coding.get("code")
    found = expansion(value_set)
    if found is not None:
        return (system, code) in found if isinstance(code, str) and isinstance(system, str) else False
    open_one = open_system(value_set)
    if open_one is None:
        return True
    return system == open_one and isinstance(code, str) and _form(open_one).fullmatch(code) is not None


def _quoted(code: str) -> str:
    """Return the code with its verb when it looks like one; a text in its place could be personal."""
    return f"is {code!r}," if _QUOTABLE.fullmatch(code) else "is"


def _allowed(codes: frozenset[str]) -> str:
    shown = sorted(codes)[:_SHOWN]
    return f"use one of {', '.join(shown)}{', ...' if len(codes) > _SHOWN else ''}"


def _allowed_codings(codes: Coded) -> str:
    system = sorted(codes)[0][0]
    return f"{_allowed(frozenset(code for _, code in codes))} with system {system}"
