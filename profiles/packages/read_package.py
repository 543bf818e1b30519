"""Read a FHIR NPM package: from its entries to values, or a refusal that names the entry at fault.

Definitions stand in `package/`, examples in `package/example/` or `package/examples/`; everything else is for others
(XML, OpenAPI, Schematron) and passed over, but for the rules that every name obeys. Nothing is read from disk here.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jiter

from profiles.definitions import is_resource_type
from profiles.packages.manifest import ENTRY, read_manifest
from profiles.packages.needs import needs_of
from profiles.packages.package import LIMITS, Artifact, Package, PackageError, PackageLimits, digest_of

INDEX = "package/.index.json"
EXAMPLES = ("package/example/", "package/examples/")
DEFINING = frozenset(
    {
        "ActivityDefinition",
        "CapabilityStatement",
        "CodeSystem",
        "CompartmentDefinition",
        "ConceptMap",
        "GraphDefinition",
        "ImplementationGuide",
        "MessageDefinition",
        "NamingSystem",
        "OperationDefinition",
        "PlanDefinition",
        "Questionnaire",
        "SearchParameter",
        "StructureDefinition",
        "StructureMap",
        "TerminologyCapabilities",
        "ValueSet",
    }
)
"""The types that a package brings as definitions, when they have a url (a NamingSystem has none in R4)."""
LONGEST = 255
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")

Parse = Callable[[bytes], Any]


def read_package(
    entries: Iterable[tuple[str, bytes]], *, limits: PackageLimits = LIMITS, parse: Parse | None = None
) -> Package:
    """Return the package that `entries` (path in the archive, content) make, in whatever order they come.

    `parse` reads JSON and raises ValueError with a reason; by default any JSON without repeated properties, at most 200
    levels deep. Raises PackageError for what is unreadable, unsafe, contradictory, too large, or of another release.
    """
    reading = _Reading(limits, parse or _parsed)
    for path, content in entries:
        reading.take(path, content)
    return reading.package()


def safe_path(path: str) -> str:
    """Return the path of an entry without a leading `./`. Raises PackageError when it could lead anywhere else."""
    shown = path[:LONGEST].encode("ascii", "backslashreplace").decode()
    plain = path.removeprefix("./")
    parts = plain.removesuffix("/").split("/")
    if plain.startswith("/") or re.match(r"[A-Za-z]:", plain):
        raise PackageError(f"The entry {shown} has an absolute path: a package only has paths below its own folder.")
    if ".." in parts or "\\" in plain:
        raise PackageError(f"The entry {shown} leads out of the package: '..' and '\\' are not allowed in a path.")
    if "" in parts or "." in parts or len(plain) > LONGEST or not plain.isprintable():
        raise PackageError(
            f"The entry {shown} has no proper path: at most {LONGEST} printable characters, no empty part."
        )
    return plain


@dataclass(slots=True)
class _Reading:
    limits: PackageLimits
    parse: Parse
    seen: set[str] = field(default_factory=set)
    size: int = 0
    manifest: Any = None
    index: Any = None
    artifacts: list[Artifact] = field(default_factory=list)
    needs: dict[str, str] = field(default_factory=dict)
    by_canonical: dict[str, Artifact] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def take(self, path: str, content: bytes) -> None:
        path = safe_path(path)
        if path in self.seen:
            raise PackageError(f"The entry {path} is there twice: which one counts cannot be told.")
        self.seen.add(path)
        self.size += len(content)
        if len(self.seen) > self.limits.entries:
            raise PackageError(f"More than {self.limits.entries} entries, up to {path}: split the package.")
        if len(content) > self.limits.entry_bytes:
            raise PackageError(f"The entry {path} is larger than {self.limits.entry_bytes} bytes.")
        if self.size > self.limits.total_bytes:
            raise PackageError(f"More than {self.limits.total_bytes} bytes in the package, up to {path}.")
        if path.endswith(".json") and (path.rpartition("/")[0] == "package" or path.startswith(EXAMPLES)):
            self._json(path, content)

    def _json(self, path: str, content: bytes) -> None:
        try:
            value = self.parse(content)
        except ValueError as error:
            raise PackageError(f"The entry {path} cannot be read: {error}") from None
        if path == ENTRY:
            self.manifest = value
        elif path == INDEX:
            self.index = value
        elif isinstance(value, Mapping) and "resourceType" in value:
            self._resource(path, value, content)
        elif path.startswith("package/") and not path.startswith(EXAMPLES) and not isinstance(value, Mapping):
            raise PackageError(f"The entry {path} is no JSON object.")

    def _resource(self, path: str, resource: Mapping[str, Any], content: bytes) -> None:
        type = resource["resourceType"]
        if not isinstance(type, str) or not is_resource_type(type):
            raise PackageError(f"The entry {path} has a resourceType that FHIR R4 does not have.")
        url, version = (_word(path, resource, name) for name in ("url", "version"))
        id = resource.get("id")
        made = Artifact(
            entry=path,
            type=type,
            id=id if isinstance(id, str) and _ID.fullmatch(id) else "",
            url=url.partition("|")[0] if type in DEFINING else "",
            version=version,
            packed=zlib.compress(content, 1),
            digest=hashlib.sha256(content).hexdigest(),
        )
        if not path.startswith(EXAMPLES) and not self._is_new(made, resource):
            return
        self.artifacts.append(made)
        if _defines(made):
            for canonical in needs_of(resource):
                self.needs.setdefault(canonical, made.canonical)

    def _is_new(self, made: Artifact, resource: Mapping[str, Any]) -> bool:
        """Return whether no other entry has this definition. Raises PackageError when one differs from it."""
        if not _defines(made) or not made.url:
            return True
        other = self.by_canonical.setdefault(made.canonical, made)
        if other is made:
            return True
        if other.type == made.type and (other.digest == made.digest or self.parse(other.text) == resource):
            self.warnings.append(f"{made.entry} repeats {other.entry}; it is taken once.")
            return False
        raise PackageError(
            f"The entries {other.entry} and {made.entry} contradict each other: both are {made.canonical[:300]}, and "
            "they differ."
        )

    def package(self) -> Package:
        if self.manifest is None:
            raise PackageError(f"There is no {ENTRY}: a FHIR package is a .tgz or folder that has one.")
        manifest = read_manifest(self.manifest)
        definitions = sorted((each for each in self.artifacts if _defines(each)), key=lambda each: each.entry)
        examples = sorted((each for each in self.artifacts if not _defines(each)), key=lambda each: each.entry)
        self._check_index()
        own = {each.url for each in definitions}
        exact = {each.canonical for each in definitions}
        needs = {
            canonical: by
            for canonical, by in self.needs.items()
            if not (canonical in exact or ("|" not in canonical and canonical in own))
        }
        if not manifest.fhir_versions:
            self.warnings.append(f"{ENTRY} states no FHIR version; it is taken as 4.0.1.")
        digest = digest_of((each.entry, each.digest) for each in definitions)
        return Package(manifest, definitions, examples, digest, needs, tuple(self.warnings))

    def _check_index(self) -> None:
        """Raise PackageError where .index.json says of a resource what the resource does not."""
        by_entry = {each.entry: each for each in self.artifacts}
        for row in _rows(self.index):
            made = by_entry.get(f"package/{row.get('filename')}")
            said = {
                name: row.get(name) for name in ("resourceType", "url", "version") if isinstance(row.get(name), str)
            }
            if made is None or not _defines(made):
                continue
            real = {"resourceType": made.type, "url": made.url, "version": made.version}
            for name, value in said.items():
                if real[name] and value != real[name]:
                    raise PackageError(f"{INDEX} contradicts the entry {made.entry}: its {name} is another one.")


def _defines(made: Artifact) -> bool:
    if made.entry.startswith(EXAMPLES) or made.type not in DEFINING:
        return False
    return bool(made.url) or made.type == "NamingSystem"


def _rows(index: Any) -> Iterator[Mapping[str, Any]]:
    files = index.get("files") if isinstance(index, Mapping) else None
    for row in files if isinstance(files, list) else ():
        if isinstance(row, Mapping):
            yield row


def _word(path: str, resource: Mapping[str, Any], name: str) -> str:
    value = resource.get(name, "")
    if resource["resourceType"] not in DEFINING:
        return ""
    if not isinstance(value, str) or len(value) > 2000 or not value.isprintable() or (name == "url" and " " in value):
        raise PackageError(f"The entry {path} has a {name} that FHIR does not allow.")
    return value


def _parsed(content: bytes) -> Any:
    return jiter.from_json(content, float_mode="decimal", catch_duplicate_keys=True, allow_inf_nan=False)
