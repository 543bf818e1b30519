"""What R4 itself defines, as the package that everybody depends on: hl7.fhir.r4.core#4.0.1.

It is compiled into this software (`profiles.definitions`), so it is always installed and cannot be removed.
"""

from __future__ import annotations

from functools import cache

from profiles import definitions

NAME, VERSION = "hl7.fhir.r4.core", "4.0.1"
STRUCTURES = "http://hl7.org/fhir/StructureDefinition/"
_RELEASE = ("4.0.1", "4.0")


def knows(canonical: str) -> bool:
    """Return whether R4 defines what `canonical` names: a type, profile, code system, value set or parameter.

    A version behind it has to be R4's own, or that of the definition.
    """
    url, _, version = canonical.partition("#")[0].partition("|")
    if canonical in definitions.code_systems():
        return True
    if url.startswith(STRUCTURES) and url.removeprefix(STRUCTURES) in definitions.type_names():
        return version in ("", *_RELEASE)
    if url in _urls():
        return version in ("", *_RELEASE)
    own = definitions.code_systems().get(url) or definitions.value_sets().get(url)
    return own is not None and version in ("", *_RELEASE, own.get("version"))


@cache
def _urls() -> frozenset[str]:
    parameters = {each.url for each in definitions.search_parameters()}
    return frozenset(
        parameters
        | set(definitions.core_profiles())
        | {each["url"] for each in definitions.operations() if "url" in each}
    )
