"""What the policy that comes with the server should allow, told once more: from the definitions and plain lists.

This is no copy of the code under test: it knows no restriction and no policy file.
"""

from __future__ import annotations

from typing import Literal

from profiles import definitions

Reach = Literal["all", "a", "none", "out"]
"""What of a type is within reach: everything, what is about patient a, nothing, or the type is not in scope."""

RECORD = set(definitions.compartments()["Patient"]) - {"Group", "Person", "Schedule"}
DEFINITIONS = {
    "CapabilityStatement",
    "CodeSystem",
    "CompartmentDefinition",
    "ConceptMap",
    "GraphDefinition",
    "ImplementationGuide",
    "MessageDefinition",
    "NamingSystem",
    "OperationDefinition",
    "SearchParameter",
    "StructureDefinition",
    "StructureMap",
    "TerminologyCapabilities",
    "ValueSet",
}
UNIVERSAL = DEFINITIONS | {
    "ActivityDefinition",
    "DeviceDefinition",
    "Endpoint",
    "HealthcareService",
    "Location",
    "Medication",
    "MedicationKnowledge",
    "ObservationDefinition",
    "Organization",
    "OrganizationAffiliation",
    "PlanDefinition",
    "Practitioner",
    "PractitionerRole",
    "Questionnaire",
    "Schedule",
    "Slot",
    "SpecimenDefinition",
    "Substance",
}
TOLD = {
    "AllergyIntolerance",
    "Appointment",
    "AppointmentResponse",
    "CareTeam",
    "Communication",
    "Consent",
    "Coverage",
    "DocumentReference",
    "FamilyMemberHistory",
    "Immunization",
    "Media",
    "MedicationStatement",
    "Observation",
    "QuestionnaireResponse",
    "RelatedPerson",
}
SUBSCRIBERS = ("patient", "unrelated", "related", "ended", "admin", "system")
"""Who may have subscriptions: each their own, and none of those that there are."""
DECIDED = {"Appointment", "CareTeam", "Consent"}
"""What patients change whoever wrote it; of the rest of what they tell, what they wrote themselves."""
DELETED = {"Binary", "DocumentReference", "Media", "Observation", "QuestionnaireResponse"}


def reading(who: str, type: str) -> Reach:
    """Return what `who` may read of `type`."""
    if type == "Subscription":
        return "none" if who in SUBSCRIBERS else "out"
    if who == "system":
        return "all"
    if who == "narrow":
        return "all" if type == "Observation" else "out"
    if who == "granular":
        return "none" if type == "Observation" else "out"
    if type == "Binary":
        reads: dict[str, Reach] = {"patient": "a", "related": "a", "glass": "a", "unrelated": "none", "ended": "none"}
        return reads.get(who, "out")
    if type == "AuditEvent":
        # Professionals see what they did themselves.
        seen: dict[str, Reach] = {
            "patient": "a",
            "admin": "all",
            "unrelated": "none",
            "related": "none",
            "ended": "none",
        }
        return seen.get(who, "out")
    if type in UNIVERSAL:
        return "all"
    if who == "patient" and type in RECORD | {"Device", "Task"}:
        return "a"
    if type in RECORD and who in ("unrelated", "related", "ended", "glass"):
        return "a" if who in ("related", "glass") else "none"
    return "none" if who == "admin" and type == "CareTeam" else "out"


def creating(who: str, type: str) -> Reach:
    """Return what `who` may create of `type`: only in scope where something of it can be within reach."""
    if type == "Subscription":
        return "all" if who in SUBSCRIBERS else "out"
    if who == "system":
        return "out" if type in DEFINITIONS | {"AuditEvent"} else "all"
    if who in ("narrow", "pending"):
        return "out"
    if who == "granular":
        return "none" if type == "Observation" else "out"
    if type == "Binary":
        return "a" if who in ("patient", "related", "glass") else "none" if who in ("unrelated", "ended") else "out"
    if who == "admin":
        return "all" if type in UNIVERSAL | {"CareTeam"} else "out"
    if who == "patient":
        return "a" if type in TOLD else "out"
    if type in RECORD - {"AuditEvent", "Consent", "Patient"}:
        return "a" if who in ("related", "glass") else "none"
    return "none" if type in ("PractitionerRole", "Schedule", "Slot") and who != "glass" else "out"


def updating(who: str, type: str, *, wrote: bool = False) -> Reach:
    """Return what `who` may change of `type`, of what others or, with `wrote`, they themselves have written."""
    if type == "Subscription":
        return reading(who, type)
    if who == "patient" and type in (TOLD | {"Binary"}) - DECIDED:
        return "a" if wrote else "none"
    if type == "Patient" and who in ("patient", "related", "glass"):
        return "a"
    if type == "Patient" and who in ("unrelated", "ended"):
        return "none"
    if type == "Practitioner" and who in ("unrelated", "related", "ended", "pending"):
        return "none"
    if type == "CareTeam" and who == "admin":
        return "none"
    return creating(who, type)


def deleting(who: str, type: str) -> Reach:
    """Return what `who` may delete of `type`."""
    if type == "Subscription":
        return reading(who, type)
    if who == "system":
        return creating(who, type)
    if who == "admin":
        return "all" if type in UNIVERSAL else "out"
    if who == "patient":
        return "none" if type in DELETED else "out"
    if who == "granular":
        return "none" if type == "Observation" else "out"
    return "none" if type == "Slot" and who in ("unrelated", "related", "ended") else "out"
