"""FHIR NPM packages as values (https://confluence.hl7.org/display/FHIR/NPM+Package+Specification)."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


class PackageError(ValueError):
    """A package that is refused whole. The message names the entry at fault, the rule, and the way out."""


@dataclass(frozen=True, slots=True)
class PackageLimits:
    """What a package may hold: `entries` files, `entry_bytes` in one of them, `total_bytes` in all, unpacked.

    `ratio` is how many times larger than packed it may be unpacked, once it is larger than `unsuspected` bytes.
    """

    entries: int = 50_000
    entry_bytes: int = 64 * 1024 * 1024
    total_bytes: int = 1024 * 1024 * 1024
    ratio: int = 100
    unsuspected: int = 16 * 1024 * 1024


LIMITS = PackageLimits()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What package.json says. `fhir_versions` is empty where it says none; `sources` are those of a combined package.

    `dependencies` are {name: version}; `sources` are (name, version).
    """

    name: str
    version: str
    title: str = ""
    canonical: str = ""
    fhir_versions: tuple[str, ...] = ()
    dependencies: Mapping[str, str] | None = None
    sources: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """The package as everybody writes it: `name#version`."""
        return f"{self.name}#{self.version}"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One resource of a package, its JSON compressed; `url` and `version` are "" where it has none."""

    entry: str
    type: str
    id: str
    url: str
    version: str
    packed: bytes
    digest: str

    @property
    def canonical(self) -> str:
        """The url, with the version where there is one."""
        return f"{self.url}|{self.version}" if self.version else self.url

    @property
    def text(self) -> bytes:
        """The JSON as it came."""
        return zlib.decompress(self.packed)


def digest_of(entries: Iterable[tuple[str, str]]) -> str:
    """Return the digest of definitions, given as (entry, digest of its content) in the order of their names."""
    return hashlib.sha256("".join(f"{entry} {digest}\n" for entry, digest in entries).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Package:
    """A package that may be installed.

    `definitions` are the conformance resources, in name order; `examples` all other resources. `digest` changes with
    the content of any of them. `needs` are the canonicals that the definitions rest on, with one of those that name
    each; what the package has itself is left out.
    """

    manifest: Manifest
    definitions: Sequence[Artifact]
    examples: Sequence[Artifact]
    digest: str
    needs: Mapping[str, str]
    warnings: Sequence[str]
