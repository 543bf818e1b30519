"""patch: JSON Patch and FHIRPath Patch, direct and conditional (http://hl7.org/fhir/R4/http.html#patch)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fhir_server.errors import Gone, NotFound, PreconditionFailed, UnsupportedMediaType
from fhir_server.interactions.call import Preconditions
from tests.fakes.server import Server, content, identified, patient

pytestmark = pytest.mark.anyio

SEVEN = [("identifier", "urn:s|7")]
ACTIVATE = {"op": "add", "path": "/active", "value": True}


def operations(*steps: dict[str, Any]) -> bytes:
    return json.dumps(steps).encode()


def replace_gender(code: str) -> dict[str, Any]:
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Patient.gender"},
        {"name": "value", "valueCode": code},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


async def test_a_json_patch_makes_the_next_version(server: Server) -> None:
    await server.put(patient("1", gender="male"))
    done = await server.do("patch", "Patient/1", raw=operations(ACTIVATE))
    assert (done.status, done.version, done.location) == (200, "2", "Patient/1/_history/2")
    shown = content(done)
    assert (shown["active"], shown["gender"], shown["meta"]["versionId"]) == (True, "male", "2")
    assert await server.show("Patient/1") == shown


async def test_a_fhirpath_patch_makes_the_next_version(server: Server) -> None:
    await server.put(patient("1", gender="male"))
    done = await server.do("patch", "Patient/1", resource=replace_gender("female"))
    assert (done.status, content(done)["gender"]) == (200, "female")


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([ACTIVATE, {"op": "test", "path": "/gender", "value": "female"}], 422),
        ([ACTIVATE, {"op": "remove", "path": "/photo/0"}], 422),
        ([ACTIVATE, {"op": "replace", "path": "/id", "value": "2"}], 422),
        ([ACTIVATE, {"op": "add", "path": "/nonsense", "value": 1}], 422),
        ([ACTIVATE, {"op": "replace", "path": "/gender", "value": "x"}], 422),
        ([ACTIVATE, {"op": "jump", "path": "/gender"}], 400),
    ],
)
async def test_a_patch_that_fails_half_way_changes_nothing(
    server: Server, steps: list[dict[str, Any]], status: int
) -> None:
    await server.put(patient("1", gender="male"))
    assert (await server.refusal("patch", "Patient/1", raw=operations(*steps))).status == status
    shown = await server.show("Patient/1")
    assert shown["meta"]["versionId"] == "1"
    assert "active" not in shown


async def test_a_patch_needs_an_existing_resource(server: Server) -> None:
    assert isinstance(await server.refusal("patch", "Patient/1", raw=operations(ACTIVATE)), NotFound)
    await server.put(patient("1"))
    await server.do("delete", "Patient/1")
    assert isinstance(await server.refusal("patch", "Patient/1", raw=operations(ACTIVATE)), Gone)


async def test_a_body_that_is_no_patch_is_415(server: Server) -> None:
    await server.put(patient("1"))
    refusal = await server.refusal("patch", "Patient/1", resource=patient("1"))
    assert isinstance(refusal, UnsupportedMediaType)


async def test_more_operations_than_the_limit_are_refused(server: Server) -> None:
    server.limit(patch_operations=2)
    await server.put(patient("1"))
    assert (await server.do("patch", "Patient/1", raw=operations(*[ACTIVATE] * 2))).status == 200
    assert (await server.refusal("patch", "Patient/1", raw=operations(*[ACTIVATE] * 3))).status == 400


async def test_if_match_holds_for_patches(server: Server) -> None:
    await server.put(patient("1"))
    stale = await server.refusal("patch", "Patient/1", raw=operations(ACTIVATE), when=Preconditions(if_match="7"))
    assert isinstance(stale, PreconditionFailed)
    done = await server.do("patch", "Patient/1", raw=operations(ACTIVATE), when=Preconditions(if_match="1"))
    assert done.version == "2"


async def test_a_conditional_patch_changes_the_one_match(server: Server) -> None:
    await server.put(identified("7", id="1"))
    assert (await server.do("patch", "Patient", query=SEVEN, raw=operations(ACTIVATE))).version == "2"
    nobody = [("identifier", "urn:s|8")]
    assert (await server.refusal("patch", "Patient", query=nobody, raw=operations(ACTIVATE))).status == 404
    await server.put(identified("7", id="2"))
    assert (await server.refusal("patch", "Patient", query=SEVEN, raw=operations(ACTIVATE))).status == 412


async def test_patches_at_the_same_time_are_all_applied(server: Server) -> None:
    await server.put(patient("1", name=[]) | {"name": [{"family": "Doe", "given": ["A"]}]})
    names = [f"N{number}" for number in range(6)]
    steps = [operations({"op": "add", "path": "/name/0/given/-", "value": name}) for name in names]
    await asyncio.gather(*(server.do("patch", "Patient/1", raw=step) for step in steps))
    assert sorted((await server.show("Patient/1"))["name"][0]["given"]) == ["A", *names]
