"""create and conditional create (http://hl7.org/fhir/R4/http.html#create)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fhir_server.errors import BadRequest, PreconditionFailed, Unprocessable
from fhir_server.interactions.call import Preconditions
from profiles.issues import Issue
from tests.fakes.server import BASE, Server, content, errors, identified, observation, patient

pytestmark = pytest.mark.anyio

ONCE = Preconditions(if_none_exist="identifier=urn:s|7")


async def test_create_gives_an_id_of_its_own_and_the_location_of_version_1(server: Server) -> None:
    made = await server.do("create", "Patient", resource=patient("mine", active=True))
    assert made.status == 201
    assert made.location is not None
    type, id, *rest = made.location.split("/")
    assert (type, rest) == ("Patient", ["_history", "1"])
    assert id != "mine"
    assert content(made) == {
        "resourceType": "Patient",
        "id": id,
        "meta": {"versionId": "1", "lastUpdated": "2025-06-15T15:06:40.000Z"},
        "active": True,
    }
    assert made.version == "1"


async def test_the_clients_version_and_time_are_replaced_and_the_rest_of_meta_kept(server: Server) -> None:
    meta = {"versionId": "9", "lastUpdated": "1999-01-01T00:00:00Z", "tag": [{"code": "x"}]}
    found = content(await server.do("create", "Patient", resource=patient(meta=meta)))["meta"]
    assert found == {"versionId": "1", "lastUpdated": "2025-06-15T15:06:40.000Z", "tag": [{"code": "x"}]}


@pytest.mark.parametrize("body", [None, {"resourceType": "Group"}, {}])
async def test_a_body_that_is_not_of_the_type_is_400(server: Server, body: dict[str, str] | None) -> None:
    refusal = await server.refusal("create", "Patient", resource=body)
    assert isinstance(refusal, BadRequest)
    assert "Patient" in str(refusal)


async def test_an_invalid_resource_is_422_with_every_finding_and_nothing_is_kept(server: Server) -> None:
    refusal = await server.refusal("create", "Patient", resource=patient(gender=3, birthdate="1970", active="yes"))
    assert isinstance(refusal, Unprocessable)
    found = {issue.expression for issue in errors(refusal)}
    assert {"Patient.gender", "Patient.active"} <= found
    assert len(found) == 3
    assert await server.services.store.counts() == {}


async def test_references_to_the_own_base_become_relative(server: Server) -> None:
    await server.put(patient("1"))
    made = await server.do("create", "Observation", resource=observation(f"{BASE}/Patient/1"))
    assert content(made)["subject"] == {"reference": "Patient/1"}


async def test_if_none_exist_creates_without_a_match_and_finds_the_match_after(server: Server) -> None:
    first = await server.do("create", "Patient", resource=identified("7"), when=ONCE)
    again = await server.do("create", "Patient", resource=identified("7", active=True), when=ONCE)
    assert (first.status, again.status) == (201, 200)
    assert again.location == first.location
    assert again.body == first.body


async def test_if_none_exist_with_several_matches_is_412(server: Server) -> None:
    for id in ("1", "2"):
        await server.put(identified("7", id=id))
    refusal = await server.refusal("create", "Patient", resource=identified("7"), when=ONCE)
    assert isinstance(refusal, PreconditionFailed)
    assert "identifier" in str(refusal)
    assert "urn:s" not in str(refusal)


async def test_a_deleted_match_is_none(server: Server) -> None:
    await server.put(identified("7", id="1"))
    await server.do("delete", "Patient/1")
    assert (await server.do("create", "Patient", resource=identified("7"), when=ONCE)).status == 201


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 412), ("?", 412), ("identifier=", 412), ("nonsense=1", 400), ("_count=1", 400), ("identifier=a&x=1", 400)],
)
async def test_criteria_are_read_strictly(server: Server, query: str, status: int) -> None:
    when = Preconditions(if_none_exist=query)
    assert (await server.refusal("create", "Patient", resource=patient(), when=when)).status == status


async def test_a_url_before_the_criteria_is_pointed_out(server: Server) -> None:
    when = Preconditions(if_none_exist="Patient?identifier=urn:s|7")
    refusal = await server.refusal("create", "Patient", resource=patient(), when=when)
    assert refusal.status == 400
    assert "what follows the ?" in str(refusal)


async def test_of_eight_at_the_same_time_one_creates_and_seven_find(server: Server) -> None:
    calls = (server.do("create", "Patient", resource=identified("7"), when=ONCE) for _ in range(8))
    results = await asyncio.gather(*calls)
    assert sorted(result.status for result in results) == [200] * 7 + [201]
    assert len({result.location for result in results}) == 1
    assert await server.services.store.counts() == {"Patient": 1}


async def test_warnings_ride_on_the_result(server: Server) -> None:
    warning = Issue("warning", "business-rule", "Unusual.", "Patient")
    validator = type("Warning", (), {"validate": lambda self, resource, text: [warning]})()
    server.services = replace(server.services, validator=validator)
    assert (await server.do("create", "Patient", resource=patient())).issues == [warning]
