"""Where references lead: the target's type, its profile, and whether it exists."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.profiled import URL, element, findings, known, structure, told

Json = dict[str, Any]
R4 = "http://hl7.org/fhir/StructureDefinition/"
SUBJECT = element(
    "Observation.subject", type=[{"code": "Reference", "targetProfile": [R4 + "Patient", URL + "named-group"]}]
)
GROUP = structure("named-group", element("Group.name", min=1))


def observation(reference: str, **more: Any) -> Json:
    return {"resourceType": "Observation", "status": "final", "subject": {"reference": reference}, **more}


@pytest.mark.parametrize(
    ("reference", "right"), [("Patient/1", True), ("Group/1", True), ("Device/1", False), ("Location/1", False)]
)
def test_the_type_of_the_target(reference: str, right: bool) -> None:
    found = told(findings(observation(reference), SUBJECT, context=known(GROUP)))
    assert found == ([] if right else [("error", "value", "Observation.subject")])


def test_the_profile_of_a_target_that_can_be_had() -> None:
    group: Json = {"resourceType": "Group", "id": "g", "type": "person", "actual": True}
    unnamed = observation("#g", contained=[group])
    assert told(findings(unnamed, SUBJECT, context=known(GROUP))) == [("error", "structure", "Observation.subject")]
    named = observation("#g", contained=[{**group, "name": "a"}])
    assert findings(named, SUBJECT, context=known(GROUP)) == []
    fetched = known(GROUP, fetch=lambda text: group if text == "Group/g" else None)
    assert told(findings(observation("Group/g"), SUBJECT, context=fetched)) == [
        ("error", "structure", "Observation.subject")
    ]


def test_whether_a_target_exists_is_asked_where_somebody_knows() -> None:
    asked: list[str] = []

    def exists(text: str) -> bool | None:
        asked.append(text)
        return {"Patient/here": True, "Patient/gone": False}.get(text)

    context = known(GROUP, exists=exists)
    assert findings(observation("Patient/here"), SUBJECT, context=context) == []
    assert findings(observation("Patient/who-knows"), SUBJECT, context=context) == []
    assert told(findings(observation("Patient/gone"), SUBJECT, context=context)) == [
        ("error", "not-found", "Observation.subject")
    ]
    inside = observation("#p", contained=[{"resourceType": "Patient", "id": "p"}])
    assert findings(inside, SUBJECT, context=context) == []
    assert asked == ["Patient/here", "Patient/who-knows", "Patient/gone"]
