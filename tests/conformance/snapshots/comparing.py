"""What of two snapshots must be equal, and where published ones are known to be off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from profiles.snapshot.merge import type_code

SINGLE = ("fixed", "pattern", "minValue", "maxValue", "maxLength")


@dataclass(frozen=True, slots=True)
class Quirk:
    """Elements of published snapshots that differ in `fact` for `reason`; "" matches every definition."""

    package: str
    definition: str
    element: str
    fact: str
    reason: str

    def covers(self, package: str, definition: str, element: str, fact: str) -> bool:
        """Say whether a difference is this one."""
        return (
            package.startswith(self.package)
            and definition.startswith(self.definition)
            and self.element in element
            and fact == self.fact
        )


FR = "hl7.fhir.fr.core"
QUIRKS = (
    Quirk(FR, "", "value[x]", "binding", "the publisher reads a later vitalsigns; 4.0.1 requires ucum-vitals-common"),
    Quirk(
        FR, "", "extension:birthPlace.id", "types", "the publisher reads extensions 5.2.0, where ids have the type id"
    ),
    Quirk(
        FR, "fr-core-patient-ins", "Patient.identifier.", "EXTRA", "drops elements that its base fr-core-patient has"
    ),
    Quirk(f"{FR}-2.1.0", "", "", "isSummary", "an element whose type has a profile loses isSummary"),
    Quirk(f"{FR}-2.2.0", "", "telecom", "keys", "cpt-2 of the profile's root left out, which 2.1.0 and R4 put in"),
    Quirk(FR, "", "identifier:", "binding", "slices of a derived profile take the sliced type's binding, or lose it"),
    Quirk("core", "elementdefinition-de", "extension:", "MISSING", "spells out extensions that nothing looks into"),
    Quirk("core", "clinicaldocument", "versionNumber", "max", "leaves * where the extension itself says 1"),
    Quirk("core", "provenance-relevant-history", "agent", "content", "sends the reference to a slice of its target"),
    Quirk("core", "catalog", "Composition.date", "slicing", "a slice without slicing: refused"),
    Quirk("core", "familymemberhistory-genetic", "", "slicing", "a slice without slicing: refused"),
)


def unpinned(canonical: str) -> str:
    """Drop the versions that publishers add to HL7's own canonicals."""
    url, _, version = canonical.partition("|")
    return url if "terminology.hl7.org" in url or version == "4.0.1" else canonical


def facts(element: Mapping[str, Any]) -> dict[str, Any]:
    """Return what computes of one element. The type of a resource's `id` is `id` for some publishers: left out."""
    binding, slicing = element.get("binding"), element.get("slicing")
    path = element["path"]
    resource_id = path.count(".") == 1 and path.endswith(".id")
    types = [
        (type_code(each), *(sorted(map(unpinned, each.get(key, ()))) for key in ("profile", "targetProfile")))
        for each in element.get("type", ())
    ]
    return {
        **{key: element.get(key) for key in ("path", "sliceName", "min", "max")},
        **{key: value for key, value in element.items() if key.startswith(SINGLE)},
        **{key: bool(element.get(key)) for key in ("mustSupport", "isModifier", "isSummary")},
        "types": None if resource_id else sorted(types, key=str),
        "content": element.get("contentReference", "").partition("#")[2],
        "binding": binding and (binding.get("strength"), unpinned(binding.get("valueSet", ""))),
        "keys": sorted(each["key"] for each in element.get("constraint", ())),
        "base": element.get("base"),
        "slicing": slicing
        and (
            slicing["rules"],
            bool(slicing.get("ordered")),
            sorted((each["type"], each["path"]) for each in slicing.get("discriminator", ())),
        ),
    }


def differences(made: Iterable[Mapping[str, Any]], published: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return (element id, fact) of each difference; MISSING, EXTRA and ORDER are facts too."""
    ours = {each["id"]: facts(each) for each in made}
    theirs = {each["id"]: facts(each) for each in published}
    found = [(key, "MISSING") for key in theirs if key not in ours] + [
        (key, "EXTRA") for key in ours if key not in theirs
    ]
    for key in ours.keys() & theirs.keys():
        names = ours[key].keys() | theirs[key].keys()
        found += [(key, name) for name in names if ours[key].get(name) != theirs[key].get(name)]
    return found or ([("", "ORDER")] if list(ours) != list(theirs) else [])
