"""Where references may lead: the type of the target, its profile, and on request whether it exists.

http://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from profiles.definitions import is_resource_type
from profiles.fhirpath.environment import NO_ENVIRONMENT
from profiles.fhirpath.shapes import ABSTRACT_RESOURCES
from profiles.terminology.canonical import unversioned
from profiles.validation.profiled.at import At
from profiles.validation.profiled.conform import check_any, is_r4_type
from profiles.validation.profiled.context import BASE
from profiles.validation.profiled.resolving import resolved, target
from profiles.validation.profiled.run import Run

if TYPE_CHECKING:
    from profiles.validation.profiled.check import Rule


def target_rule(urls: tuple[str, ...], name: str) -> Rule:
    """Return the rule that a reference leads to a resource of one of the profiles `urls`; none of them means any."""

    def rule(at: At, run: Run) -> None:
        if at.shape.type != "Reference" or not isinstance(at.value, dict):
            return
        found = target(at, NO_ENVIRONMENT)
        if found is not None:
            kind = found.shape.type
            fitting = tuple(url for url in urls if _fits(url, kind, run))
            if urls and not fitting:
                listed = ", ".join(_named(url) for url in urls)
                what = f"leads to the type {kind}, but the profile allows {listed}; refer to one of these"
                run.add("error", "value", at, what, name)
                return
            _profiled(at, fitting, run, name)
        _existing(at, run, name)

    return rule


def _fits(url: str, kind: str, run: Run) -> bool:
    """Return whether a resource of the type `kind` may be what a target profile is on; an unknown one may be."""
    own = unversioned(url).removeprefix(BASE)
    if is_r4_type(url):
        return own == kind or own in ABSTRACT_RESOURCES
    profile = run.find(url)
    return profile is None or profile.type == kind or profile.type in ABSTRACT_RESOURCES


def _profiled(at: At, fitting: tuple[str, ...], run: Run, name: str) -> None:
    """Check the target against the profiles that are on its type, where it can be had."""
    if not fitting or any(is_r4_type(url) for url in fitting):
        return
    there = resolved(at, run)
    if there is None or not is_resource_type(there.shape.type):
        return
    known = tuple(url for url in fitting if run.find(url) is not None)
    if len(known) < len(fitting):
        return
    if len(known) == 1:
        found = run.attempt(lambda each, inner: check_any(each, known, inner, name), there)
        faults = [issue for issue in found if issue.is_error]
        if faults:
            first = faults[0].message.rstrip(".")
            what = f"leads to a resource that does not conform to {_named(known[0])}: {first}; correct the target"
            run.add("error", "structure", at, what, name)
        return
    check_any(there, known, run, name)


def _existing(at: At, run: Run, name: str) -> None:
    exists = run.context.exists
    text = at.value.get("reference")
    if exists is None or not isinstance(text, str) or text.startswith("#") or resolved(at, run) is not None:
        return
    if exists(text) is False:
        what = "leads to a resource that does not exist here; create it first or correct the reference"
        run.add("error", "not-found", at, what, name)


def _named(url: str) -> str:
    return unversioned(url).removeprefix(BASE) if is_r4_type(url) else unversioned(url)
