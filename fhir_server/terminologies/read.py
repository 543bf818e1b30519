"""Which terminology a release is, told by its files, and what is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from fhir_server.terminologies import claml as classifications
from fhir_server.terminologies.claml import claml
from fhir_server.terminologies.code_system import code_system
from fhir_server.terminologies.item import Content, Wish
from fhir_server.terminologies.loinc import TABLE, loinc
from fhir_server.terminologies.release import Release, ReleaseError
from fhir_server.terminologies.rf2 import rf2

Format = Literal["loinc", "rf2", "claml", "fhir"]
READERS: Mapping[str, Callable[[Release, Wish], Content]] = {
    "loinc": loinc,
    "rf2": rf2,
    "claml": claml,
    "fhir": code_system,
}


def read(release: Release, wish: Wish) -> Content:
    """Return what is in a release. Raises ReleaseError for one that is none of those known."""
    return READERS[kind_of(release)](release, wish)


def kind_of(release: Release) -> Format:
    """Return the format of a release. Raises ReleaseError."""
    if release.names(TABLE.replace(".", r"\.")):
        return "loinc"
    if release.names(r"x?sct2_.*\.txt"):
        return "rf2"
    if classifications.claml_names(release):
        return "claml"
    if len(release.names(r".*\.json")) == 1 and len(release.sizes) == 1:
        return "fhir"
    raise ReleaseError(
        f"{release.path.name} is no terminology that is known here: name a LOINC release (Loinc.csv), a SNOMED CT "
        "release in RF2, a classification in ClaML 2, or the file of a CodeSystem."
    )
