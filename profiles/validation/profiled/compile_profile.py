"""Compile profiles once and keep them with the context (http://hl7.org/fhir/R4/structuredefinition.html)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from profiles.definitions import type_names
from profiles.validation.profiled.context import Context, canonical_of
from profiles.validation.profiled.definition import ProfileError
from profiles.validation.profiled.profile import Profile


def compile_profile(structure: Mapping[str, Any], context: Context) -> Profile:
    """Return the compiled profile of a StructureDefinition with snapshot, kept under its `url|version`.

    Raises ProfileError when it has no snapshot that can be read, or is on a type that R4 does not have.
    """
    canonical = canonical_of(structure)
    found = context.profiles.get(canonical)
    if found is not None and found.structure is structure:
        return found
    kind = structure.get("type")
    if not isinstance(kind, str) or kind not in type_names():
        raise ProfileError(f"the profile {canonical} is on a type that R4 does not have; correct its type")
    compiled = Profile(structure, context, partial(find_profile, context=context))
    context.profiles[canonical] = compiled
    return compiled


def find_profile(canonical: str, context: Context) -> Profile | None:
    """Return the compiled profile of a canonical, None where it is not known or cannot be used."""
    if canonical in context.profiles:
        return context.profiles[canonical]
    structure = context.definition(canonical)
    found: Profile | None = None
    if structure is not None:
        try:
            found = compile_profile(structure, context)
        except ProfileError:
            found = None
    context.profiles[canonical] = found
    return found
