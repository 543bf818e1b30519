"""Under which names a package is installed: its own, or those of the packages that a combined one was made of.

A combined package (`sourcePackages` in package.json) does not say what came from where. A definition whose version is
that of exactly one source is that one's; everything else counts to the source named first, the guide itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from profiles.packages.package import Artifact, Package


@dataclass(frozen=True, slots=True)
class Part:
    """What is installed under one name. `whole` says that it is all of that package."""

    name: str
    version: str
    definitions: Sequence[Artifact]
    dependencies: Mapping[str, str]
    whole: bool

    @property
    def label(self) -> str:
        """The package as everybody writes it: `name#version`."""
        return f"{self.name}#{self.version}"


def parts_of(package: Package) -> tuple[Part, ...]:
    """Return what is to be installed, by name; sources of a combined package that nothing is left for are empty."""
    manifest = package.manifest
    sources = tuple(dict.fromkeys(manifest.sources))
    if not sources:
        return (Part(manifest.name, manifest.version, package.definitions, manifest.dependencies or {}, True),)
    shares: dict[tuple[str, str], list[Artifact]] = {source: [] for source in sources}
    for each in package.definitions:
        fitting = [source for source in sources if source[1] == each.version]
        shares[fitting[0] if len(fitting) == 1 else sources[0]].append(each)
    return tuple(
        Part(name, version, shares[name, version], (manifest.dependencies or {}) if number == 0 else {}, False)
        for number, (name, version) in enumerate(sources)
    )
