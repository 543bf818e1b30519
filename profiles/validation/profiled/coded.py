"""Codes of systems that are here whole: whether the system has them, and in strict validation what it calls them.

The binding of the element does not matter: a code that its own system does not have says nothing
(http://hl7.org/fhir/R4/terminologies.html#code). Systems are those that the context resolves; R4's own only for strict
validation, because terminology.hl7.org has gone on adding codes to them since 4.0.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profiles.fhirpath.shapes import Shape
from profiles.terminology.code_system import CodeSystem
from profiles.terminology.concept import designations_of, speaks
from profiles.validation.profiled.at import At
from profiles.validation.profiled.run import Run
from profiles.validation.prose.data_types import R4, codes_of

RULE = "code-known"


def check_codings(at: At, run: Run) -> None:
    """Add the findings about all codings in a resource, those inside other resources in it left out."""
    for each in _codings(at):
        _check(each, run)


def _codings(at: At) -> Iterator[At]:
    queue = [at]
    while queue:
        each = queue.pop()
        if each.shape.type == "Coding":
            yield each
        if not isinstance(each.value, dict):
            continue
        for name in each.value:
            child = each.shape.by_json.get(name)
            if child is not None and not child.primitive and not child.resource and _leads(child.shape):
                queue += each.values(child)


def _leads(shape: Shape) -> bool:
    return shape.type not in ("Narrative", "Period", "Identifier") or shape.path != ""


def has_code(url: str, version: str | None, code: str, run: Run) -> bool | None:
    """Return whether a code system has a code, None where it is not here whole, or in another version."""
    system = run.context.code_system(url)
    if system is None:
        asked = run.context.has_code
        return None if asked is None else asked(url, version, code)
    return None if version not in (None, system.version) else _spelling(system, code) is not None


def _check(at: At, run: Run) -> None:
    value = at.value
    if not isinstance(value, dict):
        return
    name, code, display = value.get("system"), value.get("code"), value.get("display")
    if not isinstance(name, str) or not isinstance(code, str):
        return
    system = run.context.code_system(name)
    if system is None:
        if has_code(name, value.get("version"), code, run) is False:
            _unknown(at, name, run)
        return
    if value.get("version") not in (None, system.version):
        return
    known = _spelling(system, code)
    if known is None:
        if system.url.startswith(R4) and codes_of(system.url) is not None:
            return  # Base validation tells of it.
        _unknown(at, name, run)
    elif known is not None and run.context.strict and isinstance(display, str):
        names = _names(system, known) if _speaks_of(system, at.scope.resource) else []
        if names and _plain(display) not in map(_plain, names):
            what = f"has a display that {name} does not give its code; write {names[0]!r}, or leave it out"
            run.add("error", "value", at, what, "display")


def _unknown(at: At, name: str, run: Run) -> None:
    what = f"has a code that the code system {name} does not have; use one that it has"
    run.add("error", "code-invalid", at, what, RULE)


def _spelling(system: CodeSystem, code: str) -> str | None:
    """Return the code as the system writes it, None when it has none like it."""
    if code in system.concepts:
        return code
    if system.case_sensitive is not False:
        return None
    return next((each for each in system.concepts if each.casefold() == code.casefold()), None)


def _speaks_of(system: CodeSystem, resource: dict[str, Any]) -> bool:
    """Whether the displays of a system are in the language of the resource, as far as both say."""
    language = resource.get("language")
    return not isinstance(language, str) or speaks(language, (system.language or "en").partition("-")[0])


def _names(system: CodeSystem, code: str) -> list[str]:
    display = system.displays.get(code)
    found = [display] if display else []
    return found + [each.value for each in designations_of(system.stated.get(code, {}))]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
