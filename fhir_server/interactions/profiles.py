"""Which profiles a resource has to conform to, and what they say of it: the one place where anybody asks for profiles.

A profile is asked for by name (`$validate`), required of a type by the settings, or claimed in `meta.profile`
(http://hl7.org/fhir/R4/profiling.html#using). Who knows profiles is `Services.conforms`; what the base definitions of
R4 demand of every resource is the validator's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from profiles.definitions import is_a, type_names
from profiles.issues import Issue, Severity
from profiles.terminology.canonical import unversioned, version_of

if TYPE_CHECKING:
    from fhir_server.interactions.call import Services

Resource = dict[str, Any]
Claims = Literal["off", "warn", "enforce"]
Conforms = Callable[[Resource, str], Sequence[Issue] | None]
"""What a profile, named by its canonical, says of a resource that the base allows; None when it is not known."""

CORE = "http://hl7.org/fhir/StructureDefinition/"
CORE_VERSION = "4.0.1"
UNREADABLE = frozenset(("structure", "value"))
"""Codes of findings after which profiles say nothing: they presume JSON kinds and values that are right."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What writes have to conform to beyond the base: the profiles required of each type, all of them.

    `claims` says what becomes of a resource that breaks a profile of its own `meta.profile`: nobody looks, the findings
    are warnings, or it is refused.
    """

    required: Mapping[str, Sequence[str]] = field(default_factory=dict)
    claims: Claims = "warn"


def core_only(resource: Resource, profile: str) -> Sequence[Issue] | None:
    """Return what the definition of an R4 type says of a valid resource: whether it is one. None for other profiles."""
    name = unversioned(profile).removeprefix(CORE)
    if CORE + name != unversioned(profile) or name not in type_names():
        return None
    if version_of(profile) not in (None, CORE_VERSION):
        return None
    if is_a(resource["resourceType"], name):
        return ()
    what = f"is no {name}, which the profile is about: send one, or name a profile of {resource['resourceType']}"
    type = resource["resourceType"]
    return (Issue("error", "invalid", f"{type} {what}.", type, profile=profile),)


def written(services: Services, resource: Resource) -> list[Issue]:
    """Return what the profiles of the policy say of a resource that is being written, valid by the base."""
    policy = services.policy
    issues: list[Issue] = []
    required = policy.required.get(resource["resourceType"], ())
    if required:
        issues += findings(services, resource, required)
    if policy.claims == "off" or "meta" not in resource:
        return issues
    enforced = policy.claims == "enforce"
    for where, profile in claimed(resource):
        if profile in required:
            continue
        found = services.conforms(resource, profile)
        if found is None:
            issues.append(_unknown_claim(where, profile, "error" if enforced else "information"))
        else:
            issues += found if enforced else _as_warnings(found)
    return issues


def findings(services: Services, resource: Resource, profiles: Iterable[str]) -> list[Issue]:
    """Return what `profiles` say of a resource that the base allows; one that is not known is an error."""
    issues: list[Issue] = []
    for profile in dict.fromkeys(profiles):
        found = services.conforms(resource, profile)
        issues += (_unknown(profile),) if found is None else found
    return issues


def claims_kept(services: Services, resource: Resource, but: Iterable[str] = ()) -> list[Issue]:
    """Return what the profiles say that the resource claims, `but` some; one that is not known is a warning."""
    issues: list[Issue] = []
    for where, profile in claimed(resource):
        if profile not in but:
            found = services.conforms(resource, profile)
            issues += (_unknown_claim(where, profile, "warning"),) if found is None else found
    return issues


def claimed(resource: Resource) -> list[tuple[str, str]]:
    """Return the profiles of `meta.profile`, each with its FHIRPath expression."""
    meta = resource.get("meta")
    named = meta.get("profile") if isinstance(meta, dict) else None
    if not isinstance(named, list):
        return []
    place = f"{resource['resourceType']}.meta.profile"
    return [(f"{place}[{at}]", each) for at, each in enumerate(named) if isinstance(each, str)]


def _as_warnings(issues: Iterable[Issue]) -> list[Issue]:
    return [replace(each, severity="warning") if each.is_error else each for each in issues]


@lru_cache(256)
def _unknown(profile: str) -> Issue:
    what = "is not known here, so nobody can say whether this resource conforms to it"
    way = "install the package that defines it, or correct its canonical"
    return Issue("error", "not-found", f"The profile {profile[:200]} {what}: {way}.", profile=profile)


@lru_cache(256)
def _unknown_claim(where: str, profile: str, severity: Severity) -> Issue:
    what = f"{where} names the profile {profile[:200]}, which is not known here and was not checked"
    way = "install the package that defines it, or leave the claim out"
    return Issue(severity, "not-found", f"{what}: {way}.", where, profile=profile)
