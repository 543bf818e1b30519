"""Which profiles a resource has to conform to, and what they say of it: the one place where anybody asks for profiles.

A profile is asked for by name (`$validate`), required of a type by the settings, or claimed in `meta.profile`
(http://hl7.org/fhir/R4/profiling.html#using). Who knows profiles is `Services.judge`; what the base definitions of
R4 demand of every resource is the validator's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from profiles.definitions import is_a, type_names
from profiles.issues import Issue
from profiles.terminology.canonical import unversioned, version_of
from profiles.validation.readable import readable

if TYPE_CHECKING:
    from fhir_server.interactions.call import Services
    from profiles.validation.validator import Validator

Resource = dict[str, Any]
Claims = Literal["off", "warn", "enforce"]
Judge = Callable[[Resource, Sequence[str], bool], Sequence[Issue]]
"""What profiles, named by their canonicals, say of a resource that the base allows; with the flag also those that it
and the resources inside it claim. One that is not known is `not-found`: an error where it is named (rule `profile`), a
warning where it is claimed (rule `meta.profile`)."""

CORE = "http://hl7.org/fhir/StructureDefinition/"
CORE_VERSION = "4.0.1"
CLAIM = "meta.profile"
UNCHECKED = Issue(
    "information",
    "incomplete",
    "Profiles were not checked, because the resource cannot be read as what it says it is: correct the errors first.",
)


@dataclass(frozen=True, slots=True)
class Policy:
    """What writes have to conform to beyond the base: the profiles required of each type, all of them.

    `claims` says what becomes of a resource that breaks a profile of its own `meta.profile`: nobody looks, the findings
    are warnings, or it is refused. `references` says the same of references to resources that are not here, which
    `$validate` tells of.
    """

    required: Mapping[str, Sequence[str]] = field(default_factory=dict)
    claims: Claims = "warn"
    references: Claims = "warn"


def core_only(resource: Resource, profiles: Sequence[str], claims: bool) -> list[Issue]:
    """Judge by the definitions of R4's types alone: whether the resource is one of them; see `Judge`."""
    issues: list[Issue] = []
    type = resource["resourceType"]
    named = [(type, each, False) for each in profiles]
    if claims:
        named += [(where, each, True) for where, each in claimed(resource) if each not in profiles]
    for where, profile, claim in named:
        name = unversioned(profile).removeprefix(CORE)
        known = CORE + name == unversioned(profile) and name in type_names()
        if not known or version_of(profile) not in (None, CORE_VERSION):
            issues.append(_unknown(where, profile, claim))
        elif not is_a(type, name):
            what = f"is no {name}, which the profile is about: send one, or name a profile of {type}"
            issues.append(Issue("error", "invalid", f"{type} {what}.", where, profile, "profile"))
    return issues


def _unknown(where: str, profile: str, claim: bool) -> Issue:
    what = f"could not be checked against the profile {profile[:200]}, which is not known here"
    way = "install the package that defines it, or leave it out"
    rule = CLAIM if claim else "profile"
    return Issue("warning" if claim else "error", "not-found", f"{where} {what}: {way}.", where, profile, rule)


def judged(
    resource: Resource, profiles: Sequence[str], *, validator: Validator, judge: Judge, required: Sequence[str] = ()
) -> list[Issue]:
    """Return everything about a resource: what the base says, what `profiles` and `required`, what those it claims."""
    issues = validator.validate(resource)
    if not readable(issues):
        return [*issues, UNCHECKED]
    return list(dict.fromkeys([*issues, *judge(resource, tuple(dict.fromkeys((*profiles, *required))), True)]))


def written(services: Services, resource: Resource) -> list[Issue]:
    """Return what the profiles of the policy say of a resource that is being written, valid by the base."""
    policy = services.policy
    required = policy.required.get(resource["resourceType"], ())
    issues = _without_advice(services.judge(resource, required, False)) if required else []
    if policy.claims == "off" or not ("meta" in resource or "contained" in resource or "entry" in resource):
        return issues
    enforced = policy.claims == "enforce"
    told = [each for each in _without_advice(services.judge(resource, (), True)) if each not in issues]
    return issues + [_enforced(each) if enforced else _advised(each) for each in told]


def _without_advice(issues: Sequence[Issue]) -> list[Issue]:
    """Leave out what profiles merely say of a resource, such as elements to be supported: a write is no question."""
    return [each for each in issues if (each.severity, each.code) != ("information", "informational")]


def _enforced(issue: Issue) -> Issue:
    """Return the finding about a claim that must be kept: one that nobody can check is not."""
    return replace(issue, severity="error") if _is_unknown_claim(issue) else issue


def _advised(issue: Issue) -> Issue:
    """Return the finding about a claim as advice."""
    if _is_unknown_claim(issue):
        return replace(issue, severity="information")
    return replace(issue, severity="warning") if issue.is_error else issue


def _is_unknown_claim(issue: Issue) -> bool:
    return issue.code == "not-found" and issue.rule == CLAIM


def claimed(resource: Resource) -> list[tuple[str, str]]:
    """Return the profiles of `meta.profile`, each with its FHIRPath expression."""
    meta = resource.get("meta")
    named = meta.get("profile") if isinstance(meta, dict) else None
    if not isinstance(named, list):
        return []
    place = f"{resource['resourceType']}.meta.profile"
    return [(f"{place}[{at}]", each) for at, each in enumerate(named) if isinstance(each, str)]
