"""The definitions that a tenant has stored, by canonical: one synchronous look-up for everybody who needs one.

    catalogue.resolve("https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient")         newest version
    catalogue.resolve("https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient|2.1.0")   that version or None
    catalogue.resolve("http://hl7.org/fhir/ValueSet/x", "ValueSet")                              of that type or None

A tenant has one (`Services.catalogue`). It is fed by the server (`interactions/own_definitions`) with whatever is
stored of `TYPES`, from packages or not: at the start, and after each commit that touches one, before the answer leaves.
Whoever keeps what it made of a definition compares `revision`: it rises with every change.

What R4 itself defines is not stored: `profiles.packages.core.knows` tells of it, and its types, profiles and
extensions are resolved after what is stored: types with snapshots, the others with differentials.

Definitions are held as compressed JSON, a tenth of their size, and parsed when they are asked for; the last ones asked
for stay parsed, up to `PARSED` bytes of JSON. A mapping that `resolve` returned is shared: nobody changes it.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from profiles.packages import core
from profiles.packages.versions import preference
from profiles.snapshot.core import core_resolve
from profiles.validation.well_formed import well_formed

Definition = Mapping[str, Any]
Resolve = Callable[[str], Definition | None]

TYPES = ("StructureDefinition", "ValueSet", "CodeSystem", "ConceptMap", "ImplementationGuide", "Questionnaire")
"""The resource types that a catalogue holds."""
PARSED = 8 * 1024 * 1024
"""Bytes of JSON up to which definitions stay parsed."""

_decoder = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Entry:
    """One definition: what it is found by, and its JSON, compressed.

    `of` is the type that a StructureDefinition constrains, "" for everything else; `kind`, `derivation` and `base` are
    its own, and `whole` says that it brings its snapshot. `number` is which version of the resource it is.
    """

    type: str
    id: str
    url: str
    version: str
    status: str
    of: str
    kind: str
    derivation: str
    base: str
    whole: bool
    size: int
    packed: bytes
    number: int = 0


@dataclass(frozen=True, slots=True)
class Installed:
    """A package of the tenant: `guide` is the canonical of its ImplementationGuide with version, "" without one."""

    name: str
    version: str
    guide: str = ""

    @property
    def label(self) -> str:
        """The package as everybody writes it: `name#version`."""
        return f"{self.name}#{self.version}"


class Catalogue:
    """The definitions of one tenant. It knows no store; whoever feeds it does."""

    def __init__(self, standard: Resolve = core_resolve) -> None:
        self._standard = standard
        self._entries: dict[tuple[str, str], Entry] = {}
        self._by_url: dict[str, list[Entry]] = {}
        self._parsed: OrderedDict[tuple[str, str], tuple[int, Definition | None]] = OrderedDict()
        self._held = 0
        self.revision = 0
        self.packages: Sequence[Installed] = ()

    def resolve(self, canonical: str, type: str | None = None) -> Definition | None:
        """Return the definition that `canonical` (`url` or `url|version`) names, None when there is none.

        Without a version: an active one before drafts, these before what is retired, and the newest of them. Fragments
        (`url#part`) name the definition they are in. One whose JSON has not the kinds that its type says is none: what
        packages bring is stored as it came, and who reads a definition relies on them.
        """
        entry = self.find(canonical, type)
        if entry is not None:
            return self._content(entry)
        found = self._standard(canonical)
        return found if found is None or type in (None, found.get("resourceType")) else None

    def find(self, canonical: str, type: str | None = None) -> Entry | None:
        """Return the stored definition that `resolve` would return, without its content."""
        candidates = self._by_url.get(canonical)
        version = ""
        if candidates is None:
            url, _, version = canonical.partition("#")[0].partition("|")
            candidates = self._by_url.get(url, [])
        return next(
            (each for each in candidates if type in (None, each.type) and version in ("", each.version)),
            None,
        )

    def entry(self, type: str, id: str) -> Entry | None:
        """Return the stored definition with that type and id, without its content."""
        return self._entries.get((type, id))

    def versions(self, url: str) -> tuple[str, ...]:
        """Return the versions that are stored of a canonical url, the preferred one first."""
        return tuple(dict.fromkeys(each.version for each in self._by_url.get(url, ())))

    def entries(self, type: str | None = None) -> Iterable[Entry]:
        """Return the definitions of one type, or all."""
        return [each for each in self._entries.values() if type in (None, each.type)]

    def profiles(self) -> Mapping[str, Sequence[str]]:
        """Return the canonicals, with versions, of the profiles of each resource type, sorted.

        Those that cannot be used are left out: retired ones, and those without a snapshot whose base is not here.
        """
        found: dict[str, list[str]] = {}
        for each in self._entries.values():
            if (
                each.derivation == "constraint"
                and each.kind == "resource"
                and each.status != "retired"
                and self._founded(each)
            ):
                found.setdefault(each.of, []).append(f"{each.url}|{each.version}" if each.version else each.url)
        return {type: sorted(set(urls)) for type, urls in found.items()}

    def _founded(self, entry: Entry) -> bool:
        """Return whether the snapshot of a profile is here, or all that it is made from."""
        met: set[str] = set()
        while not (entry.whole or core.knows(entry.base)):
            base = self.find(entry.base, "StructureDefinition")
            if base is None or base.url in met:
                return False
            met.add(base.url)
            entry = base
        return True

    def keep(self, id: str, resource: Definition, text: bytes, number: int = 0) -> None:
        """Have a definition, in place of what had that type and id; `text` is its JSON, `number` its version's."""
        self._drop(resource["resourceType"], id)
        self.revision += 1
        if not isinstance(resource.get("url"), str):
            return
        entry = _entry(id, resource, text, number)
        self._entries[entry.type, id] = entry
        same = self._by_url.setdefault(entry.url, [])
        same.append(entry)
        same.sort(key=lambda each: preference(each.status, each.version), reverse=True)

    def drop(self, type: str, id: str) -> None:
        """Forget a definition; nothing when it is not there."""
        self._drop(type, id)
        self.revision += 1

    def _drop(self, type: str, id: str) -> None:
        entry = self._entries.pop((type, id), None)
        if entry is None:
            return
        left = [each for each in self._by_url[entry.url] if each is not entry]
        if left:
            self._by_url[entry.url] = left
        else:
            del self._by_url[entry.url]
        self._held -= self._parsed.pop((type, id), (0, {}))[0]

    def _content(self, entry: Entry) -> Definition | None:
        key = (entry.type, entry.id)
        known = self._parsed.get(key)
        if known is not None:
            self._parsed.move_to_end(key)
            return known[1]
        decoded: Definition = _decoder.decode(zlib.decompress(entry.packed))
        content = decoded if well_formed(decoded) else None
        self._parsed[key] = (entry.size, content)
        self._held += entry.size
        while self._held > PARSED and len(self._parsed) > 1:
            self._held -= self._parsed.popitem(last=False)[1][0]
        return content


def _entry(id: str, resource: Definition, text: bytes, number: int) -> Entry:
    structure = resource["resourceType"] == "StructureDefinition"
    return Entry(
        type=resource["resourceType"],
        id=id,
        url=resource["url"],
        version=_text(resource, "version"),
        status=_text(resource, "status"),
        of=_text(resource, "type") if structure else "",
        kind=_text(resource, "kind") if structure else "",
        derivation=_text(resource, "derivation") if structure else "",
        base=_text(resource, "baseDefinition") if structure else "",
        whole=structure and "snapshot" in resource,
        size=len(text),
        packed=zlib.compress(text, 1),
        number=number,
    )


def _text(resource: Definition, name: str) -> str:
    value = resource.get(name)
    return value if isinstance(value, str) else ""
