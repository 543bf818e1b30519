"""The package that this software brings: profiles, extensions and terminology of the telemedicine record.

Its files are in `profiles/data/telemed`; it is read like any other package.
"""

from __future__ import annotations

from pathlib import Path

from profiles import data
from profiles.packages.package import Package
from profiles.packages.read_package import read_package

NAME = "fhir-health-server.telemed"
FOLDER = Path(data.__file__).parent / "telemed"


def telemed() -> Package:
    """Return the package, read anew."""
    return read_package((f"package/{path.name}", path.read_bytes()) for path in sorted(FOLDER.glob("*.json")))
