"""FHIRPath Patch: each operation of the specification's page, on simple, repeating, choice and unnamed elements."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.model.fhirpath_patch import fhirpath_patch

Json = dict[str, Any]
PATIENT: Json = {"resourceType": "Patient", "id": "1"}


def operation(type: str, path: str, **parts: Any) -> Json:
    """Return one operation; a part given as dict holds its own value[x], texts and numbers get theirs."""
    listed: list[Json] = [{"name": "type", "valueCode": type}, {"name": "path", "valueString": path}]
    for name, part in parts.items():
        value = part if isinstance(part, dict) else {"valueInteger" if isinstance(part, int) else "valueString": part}
        listed.append({"name": name, **value})
    return {"name": "operation", "part": listed}


def patched(resource: Json, *operations: Json) -> Json:
    before = deepcopy(resource)
    after = fhirpath_patch(resource, {"resourceType": "Parameters", "parameter": list(operations)})
    assert resource == before
    return after


HAROLD = {"name": [{"given": ["Harold"]}]}
CONTACTS = {"contact": [{"name": {"text": "a"}}, {"name": {"text": "b"}, "gender": "unknown"}]}
NEW_ID = {"valueIdentifier": {"system": "s", "value": "x"}}
IDS = {"identifier": [{"system": "s", "value": value} for value in "abcd"]}


def ids(order: str) -> Json:
    return {"identifier": [{"system": "s", "value": value} for value in order]}


CASES: list[tuple[Json, Json, Json]] = [
    ({}, operation("add", "Patient", name="birthDate", value={"valueDate": "1930-01-01"}), {"birthDate": "1930-01-01"}),
    ({}, operation("add", "Patient", name="gender", value={"valueCode": "male"}), {"gender": "male"}),
    (
        {},
        operation("add", "Patient", name="maritalStatus", value={"valueCodeableConcept": {"text": "m"}}),
        {"maritalStatus": {"text": "m"}},
    ),
    (
        {"maritalStatus": {"text": "m"}},
        operation("add", "Patient.maritalStatus", name="coding", value={"valueCoding": {"code": "M"}}),
        {"maritalStatus": {"text": "m", "coding": [{"code": "M"}]}},
    ),
    (HAROLD, operation("add", "Patient.name[0]", name="given", value={"valueString": "J"}),
     {"name": [{"given": ["Harold", "J"]}]}),
    ({}, operation("add", "Patient", name="deceased", value={"valueBoolean": True}), {"deceasedBoolean": True}),
    ({}, operation("add", "Patient", name="deceasedDateTime", value={"valueDateTime": "2020"}),
     {"deceasedDateTime": "2020"}),
    (
        {},
        operation(
            "add",
            "Patient",
            name="contact",
            value={
                "part": [
                    {"name": "name", "valueHumanName": {"text": "n"}},
                    {"name": "relationship", "valueCodeableConcept": {"text": "r"}},
                    {"name": "relationship", "valueCodeableConcept": {"text": "s"}},
                ]
            },
        ),
        {"contact": [{"name": {"text": "n"}, "relationship": [{"text": "r"}, {"text": "s"}]}]},
    ),
    (
        {},
        operation(
            "add",
            "Patient",
            name="extension",
            value={"part": [{"name": "url", "valueUri": "http://x"}, {"name": "value", "valueBoolean": False}]},
        ),
        {"extension": [{"url": "http://x", "valueBoolean": False}]},
    ),
    (
        {"birthDate": "1920"},
        operation("add", "Patient.birthDate", name="extension", value={"part": [{"name": "url", "valueUri": "http://x"}]}),
        {"birthDate": "1920", "_birthDate": {"extension": [{"url": "http://x"}]}},
    ),
    (
        {},
        operation("add", "Patient", name="birthDate", value={"_valueDate": {"extension": [{"url": "http://x"}]}}),
        {"_birthDate": {"extension": [{"url": "http://x"}]}},
    ),
    (
        {},
        operation("add", "Patient", name="contained", value={"resource": {"resourceType": "Basic", "id": "b"}}),
        {"contained": [{"resourceType": "Basic", "id": "b"}]},
    ),
    ({"birthDate": "1920"}, operation("replace", "Patient.birthDate", value={"valueDate": "1930"}),
     {"birthDate": "1930"}),
    (
        {"deceasedBoolean": True},
        operation("replace", "Patient.deceased", value={"valueDateTime": "2020"}),
        {"deceasedDateTime": "2020"},
    ),
    (
        CONTACTS,
        operation("replace", "Patient.contact[0].name.text", value={"valueString": "the name"}),
        {"contact": [{"name": {"text": "the name"}}, CONTACTS["contact"][1]]},
    ),
    (
        CONTACTS,
        operation("replace", "Patient.contact.where(gender = 'unknown')",
                  value={"part": [{"name": "gender", "valueCode": "male"}]}),
        {"contact": [CONTACTS["contact"][0], {"gender": "male"}]},
    ),
    ({"active": True}, operation("replace", "Patient.active", value={"valueBoolean": False}), {"active": False}),
    (
        {"name": [{"given": ["a", "b", "a"], "_given": [None, {"id": "x"}, None]}]},
        operation("replace", "Patient.name.given[2]", value={"valueString": "c"}),
        {"name": [{"given": ["a", "b", "c"], "_given": [None, {"id": "x"}, None]}]},
    ),
    ({"birthDate": "1920", "active": True}, operation("delete", "Patient.birthDate"), {"active": True}),
    ({"active": True}, operation("delete", "Patient.birthDate"), {"active": True}),
    (HAROLD, operation("delete", "Patient.name[0].given[0]"), {}),
    (CONTACTS, operation("delete", "Patient.contact[0].name"), {"contact": [CONTACTS["contact"][1]]}),
    (CONTACTS, operation("delete", "Patient.contact.where(gender.exists())"), {"contact": [CONTACTS["contact"][0]]}),
    (
        {"name": [{"given": ["a", "b"], "_given": [None, {"id": "x"}]}]},
        operation("delete", "Patient.name.given.last()"),
        {"name": [{"given": ["a"]}]},
    ),
    (IDS, operation("insert", "Patient.identifier", index=0, value=NEW_ID), ids("xabcd")),
    (IDS, operation("insert", "Patient.identifier", index=2, value=NEW_ID), ids("abxcd")),
    (IDS, operation("insert", "Patient.identifier", index=4, value=NEW_ID), ids("abcdx")),
    (IDS, operation("move", "Patient.identifier", source=3, destination=1), ids("adbc")),
    (IDS, operation("move", "Patient.identifier", source=3, destination=0), ids("dabc")),
    (IDS, operation("move", "Patient.identifier", source=0, destination=3), ids("bcda")),
    (
        {"name": [{"given": ["a", "b"], "_given": [None, {"id": "x"}]}]},
        operation("move", "Patient.name.given", source=1, destination=0),
        {"name": [{"given": ["b", "a"], "_given": [{"id": "x"}, None]}]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("before", "one", "after"), CASES)
def test_an_operation_does_what_the_specification_says(before: Json, one: Json, after: Json) -> None:
    assert patched({**PATIENT, **before}, one) == {**PATIENT, **after}


def test_operations_see_what_those_before_have_done() -> None:
    assert patched(
        PATIENT,
        operation("add", "Patient", name="name", value={"valueHumanName": {"family": "F"}}),
        operation("add", "Patient.name", name="given", value={"valueString": "a"}),
        operation("insert", "Patient.name.given", index=0, value={"valueString": "b"}),
        operation("delete", "Patient.name.family"),
        operation("delete", "Patient.name.given[0]"),
    ) == {**PATIENT, "name": [{"given": ["a"]}]}


def test_elements_of_nested_resources_can_be_patched() -> None:
    bundle = {"resourceType": "Bundle", "id": "1", "entry": [{"resource": {**PATIENT, "active": True}}]}
    new = patched(bundle, operation("replace", "Bundle.entry[0].resource.active", value={"valueBoolean": False}))
    assert new["entry"][0]["resource"]["active"] is False


def test_a_decimal_keeps_its_digits_and_what_is_untouched_keeps_its_form() -> None:
    resource = {
        "resourceType": "Observation",
        "id": "1",
        "valueString": "x",
        "_status": {"extension": [{"url": "u", "_valueString": {"id": "i"}}]},
        "component": [{"valueQuantity": {"value": 1}}, {"valueQuantity": {"value": 2}}],
    }
    new = patched(resource, operation("delete", "Observation.value"))
    assert new == {name: value for name, value in resource.items() if name != "valueString"}


FAILURES: list[tuple[Json, Json, str]] = [
    ({"birthDate": "1"}, operation("add", "Patient", name="birthDate", value={"valueDate": "2"}), "there already"),
    (
        {"deceasedBoolean": True},
        operation("add", "Patient", name="deceased", value={"valueDateTime": "2"}),
        "there already",
    ),
    ({}, operation("add", "Patient", name="nothing", value={"valueDate": "2"}), "no element nothing"),
    ({}, operation("add", "Patient.name", name="given", value={"valueString": "2"}), "0 elements"),
    (IDS, operation("add", "Patient.identifier", name="value", value={"valueString": "2"}), "4 elements"),
    ({}, operation("add", "Patient", name="birthDate", value={"valueInteger": 2}), "birthDate is of type date"),
    ({}, operation("add", "Patient", name="active", value={"valueString": "true"}), "active is of type boolean"),
    (
        {},
        operation("add", "Patient", name="name", value={"valueIdentifier": {"value": "x"}}),
        "name is of type HumanName",
    ),
    ({}, operation("add", "Patient", name="deceased", value={"valueString": "x"}), "deceased is of type"),
    ({}, operation("add", "Patient", name="gender", value={"part": [{"name": "x", "valueCode": "y"}]}), "in parts"),
    (
        {},
        operation("add", "Patient", name="contact", value={"part": [{"name": "x", "valueCode": "y"}]}),
        "no element x",
    ),
    (
        {},
        operation("add", "Patient", name="contact", value={"part": [{"name": "gender", "valueCode": "y"}] * 2}),
        "given twice",
    ),
    (IDS, operation("delete", "Patient.identifier"), "4 elements"),
    ({}, operation("delete", "Patient"), "the resource itself"),
    ({}, operation("replace", "Patient.birthDate", value={"valueDate": "2"}), "0 elements"),
    (IDS, operation("replace", "Patient.identifier", value={"valueIdentifier": {"value": "x"}}), "4 elements"),
    ({}, operation("replace", "Patient", value={"resource": PATIENT}), "the resource itself"),
    (IDS, operation("insert", "Patient.identifier", index=5, value={"valueIdentifier": {"value": "x"}}), "index is 5"),
    (
        {},
        operation("insert", "Patient.identifier", index=0, value={"valueIdentifier": {"value": "x"}}),
        "leads to nothing",
    ),
    (
        IDS,
        operation("insert", "Patient.identifier.skip(1)", index=0, value={"valueIdentifier": {"value": "x"}}),
        "one list",
    ),
    (
        {"name": [{"given": ["a"]}, {"given": ["b"]}]},
        operation("insert", "Patient.name.given", index=0, value={"valueString": "c"}),
        "one list",
    ),
    ({"birthDate": "1"}, operation("insert", "Patient.birthDate", index=0, value={"valueDate": "2"}), "one list"),
    (IDS, operation("move", "Patient.identifier", source=4, destination=0), "below 4"),
    (IDS, operation("move", "Patient.identifier", source=0, destination=4), "below 4"),
    (IDS, operation("delete", "Patient.identifier.count()"), "computed"),
    (IDS, operation("delete", "Patient.identifier.value.first() + 'x'"), "computed"),
    (IDS, operation("delete", "1 'kg'"), "computed"),
    (IDS, operation("delete", "Patient.((("), "not FHIRPath"),
    (IDS, operation("delete", "Patient.nothing()"), "not FHIRPath"),
    ({}, operation("replace", "Patient.id", value={"valueId": "2"}), "keeps its type and id"),
    ({}, operation("delete", "Patient.id"), "keeps its type and id"),
]


@pytest.mark.parametrize(("before", "one", "words"), FAILURES)
def test_an_operation_that_cannot_be_performed_refuses_the_patch(before: Json, one: Json, words: str) -> None:
    with pytest.raises(Unprocessable, match=words):
        patched({**PATIENT, **before}, operation("add", "Patient", name="language", value={"valueCode": "fr"}), one)


def test_a_failure_tells_the_number_of_the_operation() -> None:
    fine, wrong = operation("delete", "Patient.birthDate"), operation("delete", "Patient")
    with pytest.raises(Unprocessable, match="Operation 1 of the patch") as refused:
        patched(PATIENT, fine, wrong)
    assert refused.value.issues[0].expression == "Parameters.parameter[1]"


@pytest.mark.parametrize(
    "parameters",
    [
        {"resourceType": "Bundle"},
        {"resourceType": "Parameters"},
        {"resourceType": "Parameters", "parameter": []},
        {"resourceType": "Parameters", "parameter": ["x"]},
        {"resourceType": "Parameters", "parameter": [{"name": "operations", "part": []}]},
        {"resourceType": "Parameters", "parameter": [{"name": "operation", "valueString": "x"}]},
    ],
)
def test_what_is_not_a_fhirpath_patch_is_refused(parameters: Json) -> None:
    with pytest.raises(BadRequest):
        fhirpath_patch(PATIENT, parameters)


@pytest.mark.parametrize(
    "one",
    [
        operation("jump", "Patient"),
        operation("add", "Patient", name="gender"),
        operation("add", "Patient", value={"valueCode": "male"}),
        operation("add", "", name="gender", value={"valueCode": "male"}),
        operation("add", "Patient", name="gender", value={"valueCode": "male"}, index=1),
        operation("add", "Patient", name="gender", value={"valueCode": "male", "valueString": "x"}),
        operation("add", "Patient", name="gender", value={}),
        operation("add", "Patient", name="gender", value={"valueCode": None}),
        operation("add", "Patient", name="gender", value={"valueNothing": "x"}),
        operation("add", "Patient", name="contact", value={"part": []}),
        operation("add", "Patient", name="contact", value={"part": [{"name": "gender"}]}),
        operation("delete", "Patient", value={"valueCode": "male"}),
        operation("insert", "Patient.name", index={"valueString": "1"}, value={"valueHumanName": {"text": "x"}}),
        operation("insert", "Patient.name", index=-1, value={"valueHumanName": {"text": "x"}}),
        operation("move", "Patient.name", source={"valueBoolean": True}, destination=0),
        {"name": "operation", "part": [{"name": "type", "valueCode": "delete"}]},
        {"name": "operation", "part": [{"name": "type", "valueCode": "delete"}] * 2},
        {"name": "operation", "part": [{"valueCode": "delete"}]},
        {"name": "operation", "part": "x"},
    ],
)
def test_the_shape_of_an_operation_is_strict(one: Json) -> None:
    with pytest.raises(BadRequest, match="Operation 1 of the patch"):
        patched(PATIENT, operation("delete", "Patient.birthDate"), one)


def test_a_patch_cannot_build_what_nests_too_deep() -> None:
    value: Json = {"text": "x"}
    for _ in range(60):
        value = {"extension": [{"url": "u", "valueCodeableConcept": value}]}
    first = operation("add", "Patient", name="maritalStatus", value={"valueCodeableConcept": value})
    assert patched(PATIENT, first)["maritalStatus"] == value
    path = "Patient.maritalStatus" + ".extension.value" * 10
    part = {"part": [{"name": "url", "valueUri": "v"}, {"name": "value", "valueCodeableConcept": value}]}
    with pytest.raises(Unprocessable, match=r"Operation 1 .*deeper than 200"):
        patched(PATIENT, first, operation("add", path, name="extension", value=part))
