"""The package that this software brings: profiles, extensions and terminology of the telemedicine record.

Its files are in `profiles/data/telemed`; it is read like any other package. Every tenant has it, in one version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING

from profiles.packages.package import digest_of

if TYPE_CHECKING:
    from profiles.packages.package import Package

NAME = "fhir-health-server.telemed"
MANIFEST = "package/package.json"


def telemed() -> Package:
    """Return the package."""
    # Most starts find it installed as it is, and only ask for its digest.
    from profiles.packages.read_package import read_package

    return read_package(_entries())


def telemed_digest() -> str:
    """Return the digest of the package, without reading what its files say."""
    return digest_of((path, hashlib.sha256(content).hexdigest()) for path, content in _entries() if path != MANIFEST)


def is_own(label: str) -> bool:
    """Return whether `name#version` is this package."""
    return label.partition("#")[0] == NAME


def _entries() -> Iterator[tuple[str, bytes]]:
    folder = files("profiles.data.telemed")
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".json"):
            yield f"package/{file.name}", file.read_bytes()
