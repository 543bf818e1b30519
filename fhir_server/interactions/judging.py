"""Who knows profiles: the stored ones, from packages or not, and R4's own, with snapshots made where they have none.

One judge per tenant. What it has compiled is dropped when a definition of the catalogue changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_server.interactions.membership import Membership
from fhir_server.interactions.profiles import CORE, Resource, core_only
from fhir_server.store.concepts import Concepts
from profiles.definitions import type_names
from profiles.issues import Issue
from profiles.packages.catalogue import Catalogue
from profiles.snapshot.errors import SnapshotError
from profiles.snapshot.snapshot import snapshot
from profiles.terminology.canonical import unversioned
from profiles.validation.profiled.compile_profile import find_profile
from profiles.validation.profiled.context import Context
from profiles.validation.validate_with import validate_with
from profiles.validation.validator import Validator

KEPT = 5_000
"""Canonicals that are remembered, known or not: whoever asks for ever new ones must not fill the memory."""


class ProfileJudge:
    """See `interactions.profiles.Judge`. It is as strict as the validator of the base is."""

    def __init__(self, catalogue: Catalogue, validator: Validator, concepts: Concepts | None = None) -> None:
        """`concepts` are those of the tenant's store, where bindings may be about loaded code systems."""
        self._catalogue = catalogue
        self._validator = validator
        self._revision = catalogue.revision
        self._made: dict[str, Mapping[str, Any] | None] = {}
        self._member_of = None if concepts is None else Membership(concepts, catalogue, self._resolve)
        self._context = Context(
            self._resolve,
            member_of=self._member_of,
            has_code=None if self._member_of is None else self._member_of.has,
            must_support=True,
            strict=validator.strict,
        )

    def __call__(self, resource: Resource, profiles: Sequence[str], claims: bool) -> list[Issue]:
        """Return what `profiles`, and with `claims` those that the resource claims, say of it."""
        if self._revision != self._catalogue.revision or len(self._context.profiles) > KEPT or len(self._made) > KEPT:
            self._revision = self._catalogue.revision
            self._made.clear()
            self._context.forget()
            if self._member_of is not None:
                self._member_of.forget()
        types = [each for each in profiles if is_type(each)]
        others = [each for each in profiles if not is_type(each)]
        issues = core_only(resource, types, False)
        return issues + validate_with(
            resource, others, self._context, validator=self._validator, base=[], claims=claims
        )

    def knows(self, profile: str) -> bool:
        """Return whether there is a profile of that canonical that can be used."""
        return is_type(profile) or find_profile(profile, self._context) is not None

    def _resolve(self, canonical: str) -> Mapping[str, Any] | None:
        """Return a definition, with a snapshot where it is a profile that can have one. R4's types need none."""
        if canonical not in self._made:
            self._made[canonical] = None if is_type(canonical) else self._complete(self._catalogue.resolve(canonical))
        return self._made[canonical]

    def _complete(self, found: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if found is None or found.get("resourceType") != "StructureDefinition" or "snapshot" in found:
            return found
        try:
            return snapshot(found, self._catalogue.resolve)
        except SnapshotError as error:
            # Without a snapshot it counts as a profile that cannot be used, and whoever asks for it is told so.
            self._context.unusable[str(found["url"])] = error.detail
            return found


def is_type(canonical: str) -> bool:
    """Return whether a canonical names the definition of one of R4's types."""
    url = unversioned(canonical)
    return url.startswith(CORE) and url.removeprefix(CORE) in type_names()
