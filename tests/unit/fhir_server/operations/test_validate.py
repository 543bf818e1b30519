"""$validate: what it asks of the validator, the policy and the store, and how it answers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fhir_server.errors import BadRequest, Gone, NotFound
from fhir_server.interactions.call import Preconditions, Principal
from fhir_server.interactions.judging import ProfileJudge
from fhir_server.interactions.profiles import CORE, Policy
from fhir_server.operations.validate import validate
from profiles.restriction import InCompartment
from tests.fakes.profiles import NAMED, knows_named
from tests.fakes.rights import limited_to
from tests.fakes.server import Json, Server, content, patient

pytestmark = pytest.mark.anyio
NAME = [{"family": "Martin"}]
UNKNOWN = "https://clinic.example/StructureDefinition/unheard-of"


@pytest.fixture(autouse=True)
def knowing(server: Server) -> None:
    server.services = replace(server.services, judge=knows_named)


async def outcome(
    server: Server, path: str, body: Any = None, *query: tuple[str, str], xml: str = "", **given: Any
) -> list[Json]:
    """Return the issues of the answer, which must be 200."""
    call = server.call(path, query=query, **given)
    if body is not None or xml:
        call.raw = xml.encode() if xml else json.dumps(body).encode()
        call.media_type = "application/fhir+xml" if xml else "application/fhir+json"
    result = await validate(call)
    assert result.status == 200
    found = content(result)
    assert found["resourceType"] == "OperationOutcome"
    return list(found["issue"])


def brief(issues: list[Json]) -> list[tuple[str, str, str | None]]:
    return [(each["severity"], each["code"], each.get("expression", [None])[0]) for each in issues]


def question(resource: Json | None = None, **more: Json) -> Json:
    parameter: list[Json] = [] if resource is None else [{"name": "resource", "resource": resource}]
    return {
        "resourceType": "Parameters",
        "parameter": parameter + [{"name": name} | value for name, value in more.items()],
    }


ALL_OK = [{"severity": "information", "code": "informational", "diagnostics": "All OK"}]


async def test_a_resource_that_is_right_is_all_ok_and_is_not_stored(server: Server) -> None:
    assert await outcome(server, "Patient", patient("a", name=NAME)) == ALL_OK
    assert (await server.refusal("read", "Patient/a")).status == 404


async def test_what_is_malformed_is_told_and_not_refused(server: Server) -> None:
    issues = await outcome(server, "Patient", patient(birthDate=1990, nmae=[], gender="M"))
    assert brief(issues) == [
        ("error", "structure", "Patient.birthDate"),
        ("error", "structure", "Patient.nmae"),
        ("error", "code-invalid", "Patient.gender"),
        ("information", "incomplete", None),
    ]


async def test_a_body_without_its_type_is_told_so(server: Server) -> None:
    assert brief(await outcome(server, "Patient", {"name": NAME}))[0] == ("error", "structure", "Resource")


async def test_xml_is_judged_alike(server: Server) -> None:
    good = '<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>'
    assert await outcome(server, "Patient", xml=good) == ALL_OK
    bad = '<Patient xmlns="http://hl7.org/fhir"><nmae value="x"/></Patient>'
    assert brief(await outcome(server, "Patient", xml=bad)) == [
        ("error", "structure", "Patient"),
        ("information", "incomplete", None),
    ]


async def test_parameters_in_xml_tell_the_place_in_the_resource(server: Server) -> None:
    bad = (
        '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="resource"/><resource><Patient><name>'
        '<nickname value="Zo"/></name></Patient></resource></parameter></Parameters>'
    )
    assert brief(await outcome(server, "Patient", xml=bad))[0] == ("error", "structure", "Patient.name[0]")


async def test_a_profile_can_be_named_in_the_url_or_in_the_parameters(server: Server) -> None:
    by_url = await outcome(server, "Patient", patient(), ("profile", NAMED))
    by_body = await outcome(server, "Patient", question(patient(), profile={"valueUri": NAMED}))
    assert by_url == by_body
    (issue,) = by_url
    assert issue["extension"] == [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/operationoutcome-authority",
            "valueUri": f"{NAMED}|1.0",
        }
    ]
    assert (issue["expression"], issue["details"]) == (["Patient.name"], {"text": "Patient.name"})


async def test_several_profiles_are_all_asked(server: Server) -> None:
    asked = [("profile", NAMED), ("profile", CORE + "Observation"), ("profile", UNKNOWN)]
    issues = await outcome(server, "Patient", patient(), *asked)
    assert [each["code"] for each in issues] == ["required", "invalid", "not-found"]


async def test_claims_are_checked_and_unknown_ones_told(server: Server) -> None:
    issues = await outcome(server, "Patient", patient(meta={"profile": [NAMED, UNKNOWN]}))
    assert brief(issues) == [
        ("error", "required", "Patient.name"),
        ("warning", "not-found", "Patient.meta.profile[1]"),
    ]


async def test_a_profile_of_the_policy_is_checked_unasked(server: Server) -> None:
    server.services = replace(server.services, policy=Policy({"Patient": (NAMED,)}))
    assert brief(await outcome(server, "Patient", patient())) == [("error", "required", "Patient.name")]


async def test_a_resource_of_another_type_is_told_so(server: Server) -> None:
    found = brief(await outcome(server, "Patient", {"resourceType": "Practitioner"}))
    assert found == [("error", "invalid", "Practitioner.resourceType")]


async def test_parameters_may_be_what_is_judged(server: Server) -> None:
    assert (
        await outcome(
            server, "Parameters", {"resourceType": "Parameters", "parameter": [{"name": "a", "valueCode": "b"}]}
        )
        == ALL_OK
    )
    inner = {"resourceType": "Parameters", "parameter": [{"valueCode": "b"}]}
    found = brief(await outcome(server, "Parameters", question(inner)))
    assert ("error", "required", "Parameters.parameter[0].name") in found


async def test_create_runs_what_a_create_would_check(server: Server) -> None:
    own = {"resourceType": "SearchParameter", "status": "active", "url": "https://c.example/p", "name": "P"}
    own |= {"description": "d", "code": "gender", "base": ["Patient"], "type": "token", "expression": "Patient.gender"}
    found = brief(await outcome(server, "SearchParameter", own, ("mode", "create")))
    assert ("error", "duplicate", "SearchParameter.code") in found
    assert await outcome(server, "Patient", patient(), ("mode", "create")) == ALL_OK


async def test_create_and_update_take_claims_as_a_write_does(server: Server) -> None:
    claims = patient("a", meta={"profile": [NAMED]})
    for mode in ("create", "update"):
        assert brief(await outcome(server, "Patient", claims, ("mode", mode))) == [
            ("warning", "required", "Patient.name")
        ]


@pytest.mark.parametrize(
    ("path", "id", "expected"),
    [
        ("Patient/a", "a", None),
        ("Patient", "a", None),
        ("Patient/a", None, ("error", "invalid", "Patient.id")),
        ("Patient/a", "b", ("error", "invalid", "Patient.id")),
        ("Patient", None, ("error", "required", "Patient.id")),
    ],
)
async def test_update_checks_ids(
    server: Server, path: str, id: str | None, expected: tuple[str, str, str] | None
) -> None:
    found = await outcome(server, path, patient(id, name=NAME), ("mode", "update"))
    assert found == ALL_OK if expected is None else brief(found) == [expected]


async def test_update_and_delete_check_if_match(server: Server) -> None:
    await server.put(patient("a"))
    for body, mode in ((patient("a"), "update"), (None, "delete")):
        stale = await outcome(server, "Patient/a", body, ("mode", mode), when=Preconditions(if_match="7"))
        assert [each["code"] for each in stale] == ["conflict"]
        assert await outcome(server, "Patient/a", body, ("mode", mode), when=Preconditions(if_match="1")) == ALL_OK


async def test_delete_changes_nothing_and_says_what_it_would_do(server: Server) -> None:
    await server.put(patient("a"))
    assert await outcome(server, "Patient/a", None, ("mode", "delete")) == ALL_OK
    assert (await server.show("Patient/a"))["id"] == "a"
    (absent,) = await outcome(server, "Patient/b", None, ("mode", "delete"))
    assert (absent["severity"], "204" in absent["diagnostics"]) == ("information", True)


async def test_what_is_not_the_callers_can_be_neither_replaced_nor_deleted(server: Server) -> None:
    await server.put(patient("a"))
    server.principal = Principal("ben", limited_to(InCompartment("Patient", "b")))
    for body, mode in ((patient("a"), "update"), (None, "delete")):
        assert [each["code"] for each in await outcome(server, "Patient/a", body, ("mode", mode))] == ["not-found"]
    with pytest.raises(NotFound):
        await validate(server.call("Patient/a"))


async def test_a_stored_resource_is_judged_by_profiles(server: Server) -> None:
    await server.put(patient("a"))
    assert await outcome(server, "Patient/a") == ALL_OK
    assert brief(await outcome(server, "Patient/a", None, ("profile", NAMED), ("mode", "profile"))) == [
        ("error", "required", "Patient.name")
    ]
    await server.do("delete", "Patient/a")
    with pytest.raises(Gone):
        await validate(server.call("Patient/a"))


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        ("Patient", [], None),
        ("Patient", [("mode", "delete")], None),
        ("Patient/a", [("mode", "update")], None),
        ("Patient", [("mode", "destroy")], patient()),
        ("Patient", [("mode", "create"), ("mode", "update")], patient()),
        ("Patient", [("name", "x")], patient()),
        ("Patient", [("profile", "")], patient()),
        ("Patient/a", [("mode", "create")], patient()),
        ("Patient", [], []),
        ("Patient", [], question(patient(), mode={"valueBoolean": True})),
        ("Patient", [], {"resourceType": "Parameters", "parameter": [{"name": "resource", "valueString": "x"}]}),
        ("Patient", [], {"resourceType": "Parameters", "parameter": {}}),
        ("Patient", [], {"resourceType": "Parameters", "parameter": 2 * [{"name": "resource", "resource": patient()}]}),
        ("Patient", [("profile", str(number)) for number in range(51)], patient()),
    ],
)
async def test_what_asks_nothing_clear_is_refused(
    server: Server, path: str, query: list[tuple[str, str]], body: Any
) -> None:
    call = server.call(path, query=query)
    call.raw = None if body is None else json.dumps(body).encode()
    with pytest.raises(BadRequest):
        await validate(call)


async def test_it_leaves_an_audit_row_with_what_was_asked_of_whom(server: Server) -> None:
    await server.put(patient("a", name=NAME))
    await outcome(server, "Patient/a", None, ("profile", NAMED))
    await outcome(server, "Patient", patient(name=NAME), ("mode", "create"))
    rows = [row for row in await server.audit_rows() if row.action == "$validate"]
    assert [(row.target, row.status, row.patients, row.details) for row in rows] == [
        ("Patient/a", 200, ("a",), {"profile": [NAMED]}),
        ("Patient", 200, (), {"mode": "create"}),
    ]


REFERRING = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "a"},
    "subject": {"reference": "Patient/a"},
    "performer": [{"reference": "Practitioner/p"}, {"reference": "http://elsewhere.example/Practitioner/1"}],
}


async def test_references_to_what_is_not_here_are_told(server: Server) -> None:
    await server.do("update", "Patient/a", resource=patient("a"))
    missing = ("not-found", "Observation.performer[0].reference")
    assert brief(await outcome(server, "Observation", REFERRING)) == [("warning", *missing)]
    server.services = replace(server.services, policy=Policy(references="enforce"))
    assert brief(await outcome(server, "Observation", REFERRING)) == [("error", *missing)]
    server.services = replace(server.services, policy=Policy(references="off"))
    assert await outcome(server, "Observation", REFERRING) == ALL_OK


async def test_a_reference_to_what_the_caller_may_not_see_leads_nowhere(server: Server) -> None:
    for name in ("a", "b"):
        await server.do("update", f"Patient/{name}", resource=patient(name))
    server.principal = Principal("anna", limited_to(InCompartment("Patient", "b")))
    told = brief(await outcome(server, "Observation", {**REFERRING, "performer": [{"reference": "Patient/b"}]}))
    assert told == [("warning", "not-found", "Observation.subject.reference")]


async def test_what_a_bundle_brings_along_is_here(server: Server) -> None:
    inside = [{"fullUrl": f"{server.services.base}/Patient/a", "resource": patient("a")}]
    inside.append(
        {"fullUrl": f"{server.services.base}/Observation/o", "resource": {**REFERRING, "id": "o", "performer": []}}
    )
    del inside[1]["resource"]["performer"]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": inside}
    assert await outcome(server, "Bundle", bundle) == ALL_OK


@pytest.mark.parametrize("name", ["vitalsigns", "bodyweight", "bp"])
async def test_the_profiles_of_r4_are_known_by_their_canonicals(server: Server, name: str) -> None:
    services = server.services
    server.services = replace(services, judge=ProfileJudge(services.catalogue, services.validator))
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}}
    for canonical in (CORE + name, f"{CORE}{name}|4.0.1"):
        told = brief(await outcome(server, "Observation", observation, ("profile", canonical)))
        assert ("error", "required", "Observation.category") in told


async def test_elements_to_be_supported_are_information(server: Server) -> None:
    services = server.services
    server.services = replace(services, judge=ProfileJudge(services.catalogue, services.validator))
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}}
    told = brief(await outcome(server, "Observation", observation, ("profile", CORE + "vitalsigns")))
    assert ("information", "informational", "Observation.dataAbsentReason") in told
