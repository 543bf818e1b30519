"""Slices by every kind of discriminator, and how many, in what order and what else there may be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.profiled import URL, element, findings, known, structure, told

Json = dict[str, Any]
EXTENSION = "http://example.org/e"


def sliced(path: str, kind: str, by: str, **more: Any) -> Json:
    return element(path, slicing={"discriminator": [{"type": kind, "path": by}], "rules": "open", **more})


def names(*uses: str) -> Json:
    return {"resourceType": "Patient", "name": [{"use": each} for each in uses]}


OFFICIAL = (
    element("Patient.name", slice="official", min=1, max="1"),
    element("Patient.name.use", "code", patternCode="official"),
)
USUAL = (element("Patient.name", slice="usual"), element("Patient.name.use", "code", fixedCode="usual"))
BY_USE = sliced("Patient.name", "value", "use")


def test_a_slice_has_its_cardinality() -> None:
    assert findings(names("official", "old"), BY_USE, *OFFICIAL) == []
    assert told(findings(names("old"), BY_USE, *OFFICIAL)) == [("error", "required", "Patient.name")]
    assert told(findings(names("official", "official"), BY_USE, *OFFICIAL)) == [("error", "structure", "Patient.name")]


def test_what_is_inside_a_slice_is_checked_there_alone() -> None:
    inside = element("Patient.name.family", min=1)

    assert told(findings(names("old", "official"), BY_USE, *OFFICIAL, inside)) == [
        ("error", "required", "Patient.name[1].family")
    ]


def test_closed_slicing_has_no_others() -> None:
    closed = sliced("Patient.name", "value", "use", rules="closed")

    assert findings(names("official"), closed, *OFFICIAL) == []
    assert told(findings(names("official", "old"), closed, *OFFICIAL)) == [("error", "structure", "Patient.name[1]")]


def test_a_default_slice_takes_what_is_left() -> None:
    closed = sliced("Patient.name", "value", "use", rules="closed")
    default = (element("Patient.name", slice="@default"), element("Patient.name.text", min=1))

    assert told(findings(names("official", "old"), closed, *OFFICIAL, *default)) == [
        ("error", "required", "Patient.name[1].text")
    ]


def test_order_and_end() -> None:
    ordered = sliced("Patient.name", "value", "use", ordered=True)
    ends = sliced("Patient.name", "value", "use", rules="openAtEnd")

    assert findings(names("official", "usual"), ordered, *OFFICIAL, *USUAL) == []
    assert told(findings(names("usual", "official"), ordered, *OFFICIAL, *USUAL)) == [
        ("error", "structure", "Patient.name[1]")
    ]
    assert findings(names("official", "old"), ends, *OFFICIAL) == []
    assert told(findings(names("old", "official"), ends, *OFFICIAL)) == [("error", "structure", "Patient.name[1]")]


def test_a_slice_is_sliced_again() -> None:
    again = element(
        "Patient.name",
        slice="usual",
        slicing={"discriminator": [{"type": "exists", "path": "period"}], "rules": "open"},
    )
    use = element("Patient.name.use", "code", fixedCode="usual")
    dated = (element("Patient.name", slice="usual/dated", min=1), element("Patient.name.period", "Period", min=1))
    good = {"resourceType": "Patient", "name": [{"use": "usual"}, {"use": "usual", "period": {"start": "2020"}}]}

    assert findings(good, BY_USE, again, use, *dated) == []
    assert told(findings(names("usual"), BY_USE, again, use, *dated)) == [("error", "required", "Patient.name")]


def observation(**more: Any) -> Json:
    return {"resourceType": "Observation", "status": "final", **more}


MEMBER = "Observation.hasMember"
NAMED = structure("named", element("Patient.name", min=1))
PATIENTS = [{"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}]
LOINC = [{"system": "http://loinc.org", "code": "1-8"}]
BY_KIND = [
    (
        [
            sliced("Observation.category", "pattern", "$this"),
            element("Observation.category", slice="s", max="0", patternCodeableConcept={"coding": LOINC}),
        ],
        observation(category=[{"text": "a"}]),
        observation(category=[{"coding": LOINC}]),
    ),
    (
        [
            sliced("Observation.value[x]", "type", "$this"),
            element("Observation.value[x]", "Quantity", slice="s", max="0"),
        ],
        observation(valueString="a"),
        observation(valueQuantity={"value": 1}),
    ),
    (
        [sliced("Patient.name", "exists", "period"), element("Patient.name", slice="s", max="0"),
         element("Patient.name.period", "Period", min=1)],
        {"resourceType": "Patient", "name": [{"text": "a"}]},
        {"resourceType": "Patient", "name": [{"period": {"start": "2020"}}]},
    ),
    (
        [sliced(MEMBER, "type", "resolve()"), element(MEMBER, slice="s", max="0", type=PATIENTS)],
        observation(hasMember=[{"reference": "#o"}], contained=[{"resourceType": "Group", "id": "o"}]),
        observation(hasMember=[{"reference": "#p"}], contained=[{"resourceType": "Patient", "id": "p"}]),
    ),
    (
        [
            sliced(MEMBER, "profile", "resolve()"),
            element(MEMBER, slice="s", max="0", type=[{"code": "Reference", "targetProfile": [NAMED["url"]]}]),
        ],
        observation(hasMember=[{"reference": "#p"}], contained=[{"resourceType": "Patient", "id": "p"}]),
        observation(
            hasMember=[{"reference": "#p"}],
            contained=[{"resourceType": "Patient", "id": "p", "name": [{"text": "a"}]}],
        ),
    ),
    (
        [
            sliced("Patient.name", "value", f"extension('{EXTENSION}').value"),
            element("Patient.name", slice="s", max="0"),
            element("Patient.name.extension", "Extension"),
            element("Patient.name.extension", "Extension", slice="e"),
            element("Patient.name.extension.url", fixedUri=EXTENSION),
            element("Patient.name.extension.value[x]", "code", fixedCode="a"),
        ],
        {"resourceType": "Patient", "name": [{"extension": [{"url": EXTENSION, "valueString": "b"}]}]},
        {"resourceType": "Patient", "name": [{"extension": [{"url": EXTENSION, "valueCode": "a"}]}]},
    ),
    (
        [
            sliced("Observation.component", "value", "code.coding.code"),
            element("Observation.component", slice="s", max="0"),
            element("Observation.component.code", "CodeableConcept"),
            sliced("Observation.component.code.coding", "value", "code"),
            element("Observation.component.code.coding", "Coding", slice="c"),
            element("Observation.component.code.coding.code", "code", fixedCode="1-8"),
        ],
        observation(component=[{"code": {"coding": [{"code": "2"}]}}]),
        observation(component=[{"code": {"coding": LOINC}}]),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "good", "bad"), BY_KIND)
def test_every_discriminator_tells_slices_apart(rules: list[Json], good: Json, bad: Json) -> None:
    assert findings(good, *rules, context=known(NAMED)) == []
    assert [each[:2] for each in told(findings(bad, *rules, context=known(NAMED)))] == [("error", "structure")]


def test_a_slice_that_nothing_tells_apart_is_a_fault_of_the_profile() -> None:
    issues = findings(names("official"), BY_USE, element("Patient.name", slice="s"))

    assert [(issue.severity, issue.code, issue.profile) for issue in issues] == [
        ("warning", "processing", f"{URL}tested")
    ]
