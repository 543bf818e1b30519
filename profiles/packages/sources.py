"""Under which names a package is installed: its own, or those of the packages that a combined one was made of.

A combined package (`sourcePackages` in package.json) does not say what came from where. So a definition counts to the
source whose version it has, if that is one; else to the one whose name its host gives backwards (terminology.hl7.org:
hl7.terminology.r4); else to the only source that is left without any, and where nothing tells, to the first.
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
    shares = _shares(package.definitions, sources)
    return tuple(
        Part(name, version, shares[name, version], (manifest.dependencies or {}) if number == 0 else {}, False)
        for number, (name, version) in enumerate(sources)
    )


def _shares(
    definitions: Sequence[Artifact], sources: Sequence[tuple[str, str]]
) -> Mapping[tuple[str, str], Sequence[Artifact]]:
    shares: dict[tuple[str, str], list[Artifact]] = {source: [] for source in sources}
    left = []
    for each in definitions:
        source = _told(each, sources)
        if source is None:
            left.append(each)
        else:
            shares[source].append(each)
    named = {name for (name, _), share in shares.items() if share}
    bare = [source for source in sources if source[0] not in named]
    shares[bare[0] if len(bare) == 1 else sources[0]] += left
    return {source: sorted(share, key=lambda each: each.entry) for source, share in shares.items()}


def _told(definition: Artifact, sources: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    fitting = [source for source in sources if source[1] == definition.version]
    if len(fitting) == 1:
        return fitting[0]
    words = _host_backwards(definition.url)
    named = [source for source in sources if words and source[0].split(".")[: len(words)] == words]
    return named[-1] if len({name for name, _ in named}) == 1 else None


def _host_backwards(url: str) -> list[str]:
    """Return the labels of the host from the most general on, without the top one: hl7, terminology."""
    _, _, rest = url.partition("://")
    return rest.partition("/")[0].lower().split(".")[-2::-1]
