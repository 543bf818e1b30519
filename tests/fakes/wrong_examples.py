"""The official R4 examples that break the standard they illustrate, and which of its rules they break."""

from __future__ import annotations

BLANK = "the narrative is an empty <div>, which txt-2 forbids"
WRONG_EXAMPLES: dict[tuple[str, str], tuple[set[str], str]] = {
    ("ActivityDefinition", "blood-tubes-supply"): ({"ActivityDefinition.text.div"}, BLANK),
    ("ActivityDefinition", "heart-valve-replacement"): ({"ActivityDefinition.text.div"}, BLANK),
    ("EventDefinition", "example"): ({"EventDefinition.text.div"}, BLANK),
    ("DeviceMetric", "example"): (
        {"DeviceMetric.parent.reference"},
        "parent is a Reference(Device), the example points to a DeviceDefinition",
    ),
    ("DeviceUseStatement", "example"): (
        {"DeviceUseStatement.reasonReference.reference"},
        "reasonReference is a Reference(Condition|Observation|DiagnosticReport|DocumentReference|Media), not Procedure",
    ),
    ("MedicationRequest", "medrx0301"): (
        {"MedicationRequest.dispenseRequest.performer.reference"},
        "dispenseRequest.performer is a Reference(Organization), the example points to a Practitioner",
    ),
    ("Observation", "clinical-gender"): (
        {"Observation.performer.reference"},
        "performer is never an Encounter",
    ),
    ("Questionnaire", "qs1"): (
        {f"Questionnaire{'.item' * depth}.linkId" for depth in (2, 3, 4)},
        "linkId is 1..1, the inner items have none",
    ),
}
"""Official examples that break the standard they illustrate: the elements concerned, and why."""
