"""What of two snapshots must be equal, and where published ones are known to be off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from profiles.snapshot.merge import type_code

SINGLE = ("fixed", "pattern", "minValue", "maxValue", "maxLength")


@dataclass(frozen=True, slots=True)
class Quirk:
    """Elements of published snapshots that differ in `fact` for `reason`; `*` stands for any part of a name."""

    package: str
    definitions: str
    elements: str
    fact: str
    reason: str

    def covers(self, package: str, definition: str, element: str, fact: str) -> bool:
        """Say whether a difference is this one."""
        return (
            package.startswith(self.package)
            and fact == self.fact
            and _matches(self.definitions, definition)
            and _matches(self.elements, element)
        )


@cache
def _pattern(names: str) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(each).replace(r"\*", ".*") for each in names.split()))


def _matches(names: str, name: str) -> bool:
    return _pattern(names).fullmatch(name) is not None


FR = "hl7.fhir.fr.core"
OLD, NEW = f"{FR}-2.1.0", f"{FR}-2.2.0"
ANNUAIRE = "ans.fhir.fr.annuaire"
VITAL_SIGNS = """fr-core-observation-bmi fr-core-observation-body-height fr-core-observation-body-temperature
    fr-core-observation-body-weight fr-core-observation-bp fr-core-observation-head-circum
    fr-core-observation-heartrate fr-core-observation-resp-rate fr-core-observation-saturation-oxygen"""
INS = "identifier:INS-NIR identifier:INS-NIR-TEST identifier:INS-NIR-DEMO identifier:INS-NIA"
OF_INS = " ".join(f"Patient.{each}.type" for each in INS.split())
WITH_TELECOM = """fr-core-healthcare-service fr-core-organization fr-core-organization-etablissement
    fr-core-organization-uac fr-core-organization-uf fr-core-patient fr-core-patient-ins fr-core-practitioner
    fr-core-practitioner-role fr-core-related-person"""
TELECOMS = """HealthcareService.telecom Organization.telecom Organization.contact.telecom Patient.telecom
    Patient.contact.telecom Practitioner.telecom PractitionerRole.telecom RelatedPerson.telecom Person.telecom"""
SUMMARIES = """Patient.address Patient.telecom Practitioner.name Practitioner.address Practitioner.telecom
    PractitionerRole.telecom RelatedPerson.name RelatedPerson.address RelatedPerson.telecom"""
MAILBOXES = "Organization.telecom:mailbox-mss Practitioner.telecom:mailbox-mss PractitionerRole.telecom:mailbox-mss"
INSIDE_MAILBOXES = " ".join(f"{each}.*" for each in MAILBOXES.split())
HOLDERS = "as-organization as-practitioner as-practitionerrole"
DERIVED = "as-dp-organization as-dp-practitioner as-dp-practitionerrole"
RESTRICTED = "as-dr-organization as-dr-person as-dr-practitioner as-dr-practitionerrole"
INSIDE = """Organization.identifier.* Organization.telecom.* Practitioner.identifier.* Practitioner.telecom.*
    PractitionerRole.telecom.*"""

QUIRKS = (
    Quirk(
        FR,
        VITAL_SIGNS,
        """Observation.component.value[x] Observation.component:SystolicBP.value[x]
        Observation.component:DiastolicBP.value[x] Observation.component:MeanBP.value[x]""",
        "binding",
        "the publisher reads a later vitalsigns; 4.0.1 requires ucum-vitals-common",
    ),
    Quirk(
        FR,
        "fr-core-patient fr-core-patient-ins",
        "Patient.extension:birthPlace.id",
        "types",
        "the publisher reads extensions 5.2.0, where ids have the type id",
    ),
    Quirk(FR, "fr-core-patient-ins", "Patient.identifier.*", "EXTRA", "drops elements that its base has"),
    Quirk(
        OLD,
        "fr-core-patient fr-core-patient-ins fr-core-practitioner fr-core-practitioner-role fr-core-related-person",
        SUMMARIES,
        "isSummary",
        "an element whose type has a profile loses isSummary",
    ),
    Quirk(NEW, WITH_TELECOM, TELECOMS, "keys", "cpt-2 of the profile's root left out, which 2.1.0 and R4 put in"),
    Quirk(
        OLD,
        "fr-core-organization fr-core-patient fr-core-patient-ins fr-core-practitioner",
        "Organization.identifier:*.type Patient.identifier:*.type Practitioner.identifier:*.type",
        "binding",
        "the older publisher does not give slices what the same definition says of the element that is sliced",
    ),
    Quirk(NEW, "fr-core-patient-ins", OF_INS, "binding", "the four slices it adds lose the binding of its base"),
    Quirk(
        ANNUAIRE, f"as-person {HOLDERS} {DERIVED} {RESTRICTED}", f"{TELECOMS} {MAILBOXES}", "keys", "cpt-2, as above"
    ),
    Quirk(
        ANNUAIRE,
        f"{HOLDERS} {RESTRICTED}",
        INSIDE_MAILBOXES,
        "MISSING",
        "spells out a slice's profile that nothing looks into, as an element beside it is spelled out",
    ),
    Quirk(ANNUAIRE, f"{DERIVED} {RESTRICTED}", INSIDE, "EXTRA", "drops elements that its base has"),
    Quirk(
        ANNUAIRE,
        "as-organization as-dp-organization as-dr-organization",
        "Organization.extension:description",
        "types",
        "pins a version that the differential does not state",
    ),
    Quirk(
        ANNUAIRE,
        "as-organization as-dp-organization as-dr-organization",
        "Organization.extension:usePeriod.id",
        "types",
        "ids have the type id, as in extensions 5.2.0",
    ),
    Quirk("core", "elementdefinition-de*", "*extension:*", "MISSING", "spells out extensions that nothing looks into"),
    Quirk("core", "clinicaldocument*", "*versionNumber*", "max", "leaves * where the extension itself says 1"),
    Quirk("core", "provenance-relevant-history*", "*agent*", "content", "sends the reference to a slice of its target"),
    Quirk("core", "catalog*", "*Composition.date*", "slicing", "a slice without slicing: refused"),
    Quirk("core", "familymemberhistory-genetic*", "*", "slicing", "a slice without slicing: refused"),
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
