"""What validation against profiles may ask of the outside, and what it keeps: it hangs on a tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from profiles.terminology import code_system
from profiles.terminology.canonical import unversioned, version_of
from profiles.terminology.code_system import CodeSystem
from profiles.terminology.codes import open_system
from profiles.terminology.errors import NotExpandable
from profiles.terminology.expand import expand
from profiles.terminology.value_set import Coded

if TYPE_CHECKING:
    from profiles.validation.profiled.profile import Profile

Resolve = Callable[[str], Mapping[str, Any] | None]
"""Canonical, with `|version` where one was stated -> StructureDefinition (with snapshot), ValueSet or CodeSystem."""
Exists = Callable[[str], bool | None]
"""The text of a reference -> whether its target exists, None where that cannot be told."""
Fetch = Callable[[str], dict[str, Any] | None]
"""The text of a reference -> the resource it names, None where it cannot be had."""
MemberOf = Callable[[str, str | None, str], bool | None]
"""(value set, system, code) -> whether it is a member, None where that cannot be told."""
HasCode = Callable[[str, str | None, str], bool | None]
"""(system, its version where one is stated, code) -> whether it has the code, None where that cannot be told."""

MAX_SYSTEMS = 200
"""So many code systems are kept as they were read."""
MAX_CODES = 200_000
"""A binding's value set may have so many codes before it counts as one that cannot be expanded here."""
BASE = "http://hl7.org/fhir/StructureDefinition/"


class Context:
    """What profiles are resolved with, and the compiled ones. One per tenant; it may be shared by threads.

    `exists` asks whether the targets of references exist; without it that is not checked. `fetch` returns them, so that
    target profiles are checked beyond contained resources and Bundles. `member_of` answers before value sets are
    expanded, `has_code` for code systems whose codes `resolve` does not give. `must_support` reports must-support
    elements that are missing. `strict` judges as HL7's own validator does what R4 alone leaves open: displays, codes of
    R4's edition of terminology.hl7.org, vital signs. `seconds` are what the rules of profiles may take on one resource,
    of the processor. Whoever resolves may say in `unusable`, by url, why a definition cannot be used.
    """

    def __init__(
        self,
        resolve: Resolve,
        *,
        exists: Exists | None = None,
        fetch: Fetch | None = None,
        member_of: MemberOf | None = None,
        has_code: HasCode | None = None,
        must_support: bool = False,
        strict: bool = False,
        seconds: float = 2.0,
    ) -> None:
        self.resolve = resolve
        self.exists = exists
        self.fetch = fetch
        self.member_of = member_of
        self.has_code = has_code
        self.must_support = must_support
        self.strict = strict
        self.seconds = seconds
        self.profiles: dict[str, Profile | None] = {}
        self.unusable: dict[str, str] = {}
        self._codes: dict[str, Coded | NotExpandable] = {}
        self._bare: dict[str, frozenset[str]] = {}
        self._systems: dict[str, CodeSystem | None] = {}

    def forget(self) -> None:
        """Drop what was compiled and expanded: the definitions behind `resolve` have changed."""
        self.profiles = {}
        self.unusable = {}
        self._codes = {}
        self._bare = {}
        self._systems = {}

    def definition(self, canonical: str) -> Mapping[str, Any] | None:
        """Return the StructureDefinition of a canonical, None when there is none of that version."""
        found = self.resolve(canonical)
        if found is None and "|" in canonical:
            found = self.resolve(unversioned(canonical))
        if found is None or found.get("resourceType") != "StructureDefinition":
            return None
        version = version_of(canonical)
        # FHIR's own definitions come in one version here, and a package may name another for what is the same.
        if version is not None and found.get("version") not in (None, version) and not canonical.startswith(BASE):
            return None
        return found

    def codes(self, value_set: str) -> Coded:
        """Return every (system, code) of a value set. Raises NotExpandable, as quickly the second time."""
        found = self._codes.get(value_set)
        if found is None:
            try:
                found = expand(value_set, self.resolve, MAX_CODES)
            except NotExpandable as error:
                found = error
            self._codes[value_set] = found
        if isinstance(found, NotExpandable):
            raise found
        return found

    def bare_codes(self, value_set: str) -> frozenset[str]:
        """Return the codes of a value set without their systems. Raises NotExpandable."""
        found = self._bare.get(value_set)
        if found is None:
            found = frozenset(code for _, code in self.codes(value_set))
            self._bare[value_set] = found
        return found

    def code_system(self, url: str) -> CodeSystem | None:
        """Return a code system that is here whole, R4's own only for strict validation; None for any other."""
        if url not in self._systems:
            if len(self._systems) >= MAX_SYSTEMS:
                self._systems.clear()
            self._systems[url] = self._code_system(url)
        return self._systems[url]

    def _code_system(self, url: str) -> CodeSystem | None:
        stored = self.resolve(url)
        found: CodeSystem | None = None
        if stored is not None and stored.get("resourceType") == "CodeSystem":
            found = code_system.of_resource(stored)
        elif self.strict:
            found = code_system.of_r4(url)
        return found if found is not None and found.complete else None

    def open_system(self, value_set: str) -> str | None:
        """Return the code system with a syntax that a value set of R4 consists of, None for others."""
        return open_system(unversioned(value_set)) if self.resolve(value_set) is None else None


def canonical_of(structure: Mapping[str, Any]) -> str:
    """Return `url|version` of a definition, the url alone without version."""
    url, version = structure.get("url", ""), structure.get("version")
    return f"{url}|{version}" if version else str(url)
