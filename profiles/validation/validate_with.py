"""Base validation and profiles together: those a resource claims, those the caller asks for, those a policy demands.

http://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from profiles.fhirpath.node import Scope
from profiles.fhirpath.shapes import resource_shape
from profiles.issues import Issue
from profiles.terminology.canonical import unversioned
from profiles.validation.answers import answer_issues
from profiles.validation.derivation import derivation_issues
from profiles.validation.nested import contained_resources, member_resources
from profiles.validation.profiled.at import At, at_root
from profiles.validation.profiled.coded import check_codings
from profiles.validation.profiled.compile_profile import find_profile
from profiles.validation.profiled.conform import findings, is_r4_type
from profiles.validation.profiled.context import Context
from profiles.validation.profiled.extensions import check_extensions
from profiles.validation.profiled.listed import check_listed
from profiles.validation.profiled.run import Run
from profiles.validation.profiled.vital_signs import vital_sign_profiles
from profiles.validation.readable import readable
from profiles.validation.validator import MAX_ISSUES, Validator

Json = dict[str, Any]
Policy = Mapping[str, Iterable[str]]
"""Resource type -> canonicals of the profiles that every resource of it must conform to."""

_NONE: Policy = {}


def validate_with(
    resource: Json,
    profiles: Iterable[str],
    context: Context,
    *,
    validator: Validator,
    policy: Policy = _NONE,
    base: list[Issue] | None = None,
    claims: bool = True,
) -> list[Issue]:
    """Return every finding: those of R4 itself, then those of each profile, which name the profile and the rule.

    Profiles are `profiles` (canonicals that the caller asks for), those of `policy` for the type, and `meta.profile` of
    the resource and of resources inside it. An unknown profile is an error where it was asked for or is demanded, a
    warning in `meta.profile`. `base` are the findings of `validator` where the caller has them; without `claims` nobody
    looks at `meta.profile`. Profiles are not asked about a resource whose structure cannot be read: they presume it.
    Never raises for bad input.
    """
    issues = validator.validate(resource) if base is None else list(base)
    if not readable(issues) or resource_shape(resource) is None:
        return issues
    run = Run(context, partial(find_profile, context=context))
    scope = Scope.of(resource)
    try:
        for number, at in enumerate(_resources(at_root(scope, str(resource["resourceType"])))):
            _check(at, tuple(profiles) if number == 0 else (), policy, run, claims)
    except RecursionError:
        note = "The resource or the profiles nest too deeply to be checked; flatten them."
        run.issues.append(Issue("error", "too-costly", note, str(resource["resourceType"])))
    issues += _once(run.issues)
    if len(issues) > MAX_ISSUES:
        note = "Further findings are left out; correct these first and validate again."
        issues[MAX_ISSUES:] = [Issue("information", "incomplete", note)]
    return issues


def _once(issues: Iterable[Issue]) -> Iterator[Issue]:
    """Yield each finding once; what is merely missing of must-support once for all profiles and slices that want it."""
    told: set[str] = set()
    for each in dict.fromkeys(issues):
        if each.code != "informational":
            yield each
        elif each.message not in told:
            told.add(each.message)
            yield each


def _resources(at: At) -> Iterator[At]:
    """Yield a resource and all resources inside it, with where they are."""
    yield at
    for where, each in (*contained_resources(at.value), *member_resources(at.value)):
        shape = resource_shape(each)
        if shape is not None:
            scope = Scope(each, shape, at.scope, where.startswith("contained"))
            yield from _resources(At(each, None, shape, scope, at, where))


def _check(at: At, asked: tuple[str, ...], policy: Policy, run: Run, claims: bool) -> None:
    kind = at.shape.type
    demanded = dict.fromkeys((*asked, *policy.get(kind, ())))
    if run.context.strict:
        demanded |= dict.fromkeys(each for each in vital_sign_profiles(at.value) if run.find(each) is not None)
    for url in demanded:
        if not _against(at, url, run):
            what = f"could not be checked against the profile {url}, {_why(url, run)}"
            run.add("error", "not-found", at, what, "profile")
    for url in _claimed(at.value) if claims else ():
        if url not in demanded and not _against(at, url, run):
            what = f"claims the profile {url}, and was not checked against it, {_why(url, run)}"
            run.add("warning", "not-found", at, what, "meta.profile")
    run.profile = None
    check_extensions(at, run)
    check_codings(at, run)
    if kind == "StructureDefinition":
        run.issues += derivation_issues(at.value, at.path, run.context.resolve)
    elif kind in ("ValueSet", "ConceptMap"):
        check_listed(at, run)
    elif kind == "QuestionnaireResponse":
        _answers(at, run)


def _answers(at: At, run: Run) -> None:
    """Check a QuestionnaireResponse by its Questionnaire, where that can be had."""
    named = at.value.get("questionnaire")
    if not isinstance(named, str):
        return
    if named.startswith("#"):
        inside = [each for _, each in contained_resources(at.value) if isinstance(each, dict)]
        found = next((each for each in inside if each.get("id") == named[1:]), None)
    else:
        resolved = run.context.resolve(named)
        found = dict(resolved) if resolved is not None else None
    if found is not None and found.get("resourceType") == "Questionnaire":
        run.issues += answer_issues(at.value, found, at.path, partial(_is_member, run.context))


def _is_member(context: Context, value_set: str, coding: Json) -> bool:
    return (coding.get("system"), coding.get("code")) in context.codes(value_set)


def _why(url: str, run: Run) -> str:
    """Return why a profile cannot be used, and what to do."""
    reason = run.context.unusable.get(unversioned(url))
    if reason is not None:
        return f"which cannot be used: {reason}"
    return "which is not known here or cannot be used; install the package that defines it"


def _against(at: At, url: str, run: Run) -> bool:
    """Add the findings of one profile, return whether it is known. The types of R4 are profiles that all conform to."""
    profile = run.find(url)
    if profile is None:
        return is_r4_type(url) and unversioned(url).rpartition("/")[2] in at.shape.ancestors
    run.issues += findings(at, url, run, "profile")
    run.issues += profile.faults(at.path)
    return True


def _claimed(resource: Json) -> list[str]:
    meta = resource.get("meta")
    listed = meta.get("profile") if isinstance(meta, dict) else None
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
