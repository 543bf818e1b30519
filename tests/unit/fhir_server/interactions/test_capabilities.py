"""capabilities (http://hl7.org/fhir/R4/http.html#capabilities)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fhir_server.errors import BadRequest
from profiles import definitions
from profiles.validation.validator import Validator
from tests.fakes.server import BASE, Server, content

pytestmark = pytest.mark.anyio

FACTS: dict[str, Any] = {
    "interactions": {
        "type": ("read", "update", "delete", "create", "search-type", "vread", "history-type"),
        "system": ("transaction", "search-system"),
    },
    "formats": ("application/fhir+json", "json"),
    "patch_formats": ("application/json-patch+json",),
    "operations": (),
    "version": "1.2.3",
    "date": "2025-01-31",
}


async def stated(server: Server, **facts: Any) -> dict[str, Any]:
    server.services = replace(server.services, capabilities=FACTS | facts)
    return content(await server.do("capabilities"))


async def test_the_statement_is_valid_and_tells_the_facts(server: Server) -> None:
    statement = await stated(server)
    assert [issue for issue in Validator().validate(statement) if issue.is_error] == []
    assert (statement["fhirVersion"], statement["kind"], statement["date"]) == ("4.0.1", "instance", "2025-01-31")
    assert statement["software"]["version"] == "1.2.3"
    assert statement["implementation"]["url"] == BASE
    assert statement["format"] == ["application/fhir+json", "json"]
    assert statement["patchFormat"] == ["application/json-patch+json"]


@pytest.mark.parametrize("mode", ["full", "normative"])
async def test_the_whole_statement_holds_the_normative_part(server: Server, mode: str) -> None:
    whole = await stated(server)
    assert content(await server.do("capabilities", query=[("mode", mode)])) == whole


@pytest.mark.parametrize("modes", [["everything"], [""], ["full", "terminology"]])
async def test_a_mode_that_there_is_not_is_refused_with_those_there_are(server: Server, modes: list[str]) -> None:
    await stated(server)
    with pytest.raises(BadRequest, match="mode must be one of full, normative, terminology, given once"):
        await server.do("capabilities", query=[("mode", mode) for mode in modes])


async def test_every_type_has_the_interactions_that_are_routed(server: Server) -> None:
    (rest,) = (await stated(server))["rest"]
    assert [each["type"] for each in rest["resource"]] == list(definitions.resource_types())
    assert len(rest["resource"]) == 146
    for each in rest["resource"]:
        if each["type"] == "AuditEvent":
            continue
        assert [interaction["code"] for interaction in each["interaction"]] == list(FACTS["interactions"]["type"])
        assert each["versioning"] == "versioned"
        assert each["conditionalCreate"]
        assert each["conditionalUpdate"]
        assert each["updateCreate"]
        assert each["conditionalDelete"] == "multiple"
    assert rest["interaction"] == [{"code": "transaction"}, {"code": "search-system"}]


async def test_audit_events_are_read_searched_and_brought_from_elsewhere(server: Server) -> None:
    (rest,) = (await stated(server))["rest"]
    trail = next(each for each in rest["resource"] if each["type"] == "AuditEvent")
    assert [each["code"] for each in trail["interaction"]] == ["read", "create", "search-type"]
    assert (trail["versioning"], trail["updateCreate"], trail["conditionalDelete"]) == (
        "no-version",
        False,
        "not-supported",
    )
    assert sorted(each["name"] for each in trail["searchParam"]) == [
        *("_id", "_lastUpdated", "action", "agent", "date", "entity", "outcome", "patient", "subtype", "type")
    ]
    assert not {"searchInclude", "searchRevInclude"} & set(trail)
    reverse = [name for each in rest["resource"] for name in each.get("searchRevInclude", ())]
    assert not [name for name in reverse if name.startswith("AuditEvent:")]


async def test_what_is_not_routed_is_not_stated(server: Server) -> None:
    (rest,) = (await stated(server, interactions={"type": ("read",), "system": ()}))["rest"]
    first = rest["resource"][0]
    assert first["interaction"] == [{"code": "read"}]
    assert not {"conditionalCreate", "updateCreate", "conditionalDelete"} & set(first)
    assert not {"searchParam", "searchInclude", "searchRevInclude"} & set(first)
    assert not {"searchParam", "compartment"} & set(rest)
    assert first["readHistory"] is False


async def test_search_parameters_are_those_of_the_standard_that_are_answered(server: Server) -> None:
    (rest,) = (await stated(server))["rest"]
    patient = next(each for each in rest["resource"] if each["type"] == "Patient")
    found = {each["name"]: each for each in patient["searchParam"]}
    assert {"identifier", "family", "birthdate", "general-practitioner", "_id", "_lastUpdated"} <= found.keys()
    assert found["birthdate"] == {
        "name": "birthdate",
        "definition": "http://hl7.org/fhir/SearchParameter/individual-birthdate",
        "type": "date",
    }
    assert "phonetic" not in found


async def test_includes_are_the_references_from_a_type_and_to_it(server: Server) -> None:
    (rest,) = (await stated(server))["rest"]
    resources = {each["type"]: each for each in rest["resource"]}
    observation, patient = resources["Observation"], resources["Patient"]
    assert {"Observation:*", "Observation:subject", "Observation:patient"} <= set(observation["searchInclude"])
    assert "Observation:code" not in observation["searchInclude"]
    assert {"Observation:subject", "Provenance:target", "Patient:link"} <= set(patient["searchRevInclude"])
    assert "Patient:organization" not in patient["searchRevInclude"]
    assert "PlanDefinition:depends-on" not in patient["searchRevInclude"], "canonicals lead to what has a URL"
    assert "PlanDefinition:depends-on" in resources["PlanDefinition"]["searchInclude"]
    assert "PlanDefinition:depends-on" in resources["Library"]["searchRevInclude"]
    assert "searchInclude" not in resources["Binary"]


async def test_what_is_searched_over_all_types_and_in_compartments_is_stated(server: Server) -> None:
    (rest,) = (await stated(server))["rest"]
    names = {each["name"] for each in rest["searchParam"]}
    assert {"_id", "_lastUpdated", "_tag", "_profile", "_security"} <= names
    assert not {"identifier", "_text"} & names
    assert rest["compartment"] == [
        f"http://hl7.org/fhir/CompartmentDefinition/{name}"
        for name in ("device", "encounter", "patient", "practitioner", "relatedPerson")
    ]


async def test_every_parameter_stated_is_answered(server: Server) -> None:
    (rest,) = (await stated(server))["rest"]
    for type in ("Patient", "Observation", "Encounter", "Bundle", "ValueSet"):
        stated_here = next(each for each in rest["resource"] if each["type"] == type)
        for parameter in stated_here["searchParam"]:
            assert await takes(server, type, parameter["name"]), (type, parameter)


async def takes(server: Server, type: str, name: str) -> bool:
    """Whether some value, of whatever form, is answered."""
    for value in ("x", "1", "2020", "true", "_id eq x", "x$x", "x$1", "x$2020"):
        try:
            return (await server.do("search", type, query=[(name, value)])).status == 200
        except BadRequest as refusal:
            if refusal.issues[0].code == "not-supported":
                return False
    return False


async def test_a_limit_of_one_makes_conditional_delete_single(server: Server) -> None:
    server.limit(delete_matches=1)
    (rest,) = (await stated(server))["rest"]
    assert rest["resource"][0]["conditionalDelete"] == "single"


async def test_operations_stand_where_they_belong(server: Server) -> None:
    url = "http://hl7.org/fhir/OperationDefinition/"
    operations = (
        {"name": "everything", "definition": f"{url}Patient-everything", "resource": "Patient"},
        {"name": "versions", "definition": f"{url}CapabilityStatement-versions"},
    )
    (rest,) = (await stated(server, operations=operations))["rest"]
    patient = next(each for each in rest["resource"] if each["type"] == "Patient")
    assert [each["name"] for each in patient["operation"]] == ["everything"]
    assert [each["name"] for each in rest["operation"]] == ["versions"]
