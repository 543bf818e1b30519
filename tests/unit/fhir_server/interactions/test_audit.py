"""The audit row of each request."""

from __future__ import annotations

import asyncio

import pytest

from fhir_server.interactions import audit
from tests.fakes.server import Server, entry, identified, observation, patient

pytestmark = pytest.mark.anyio


async def test_every_interaction_leaves_one_row_that_names_the_patients(server: Server) -> None:
    await server.put(patient("p"))
    await server.put(observation("Patient/p", "o"))
    await server.do("create", "Observation", resource=observation("Patient/q"))
    await server.do("read", "Observation/o")
    await server.do("vread", "Observation/o/_history/1")
    await server.do("search", "Observation", query=[("status", "final")])
    await server.do("history", "Patient/p")
    await server.do("patch", "Patient/p", raw=b'[{"op":"add","path":"/active","value":true}]')
    await server.do("delete", "Observation/o")
    await server.bundle(entry("GET", "Observation?_summary=count"), entry("GET", "Patient/p"))
    rows = {row.request: row for row in await server.audit_rows()}
    seen = [
        (row.action, row.target, row.status, sorted(row.patients))
        for row in sorted(rows.values(), key=lambda row: int(row.request.partition("-")[2]))
    ]
    created = seen[2][1]
    assert created.startswith("Observation/new-")
    assert seen == [
        ("update", "Patient/p/_history/1", 201, ["p"]),
        ("update", "Observation/o/_history/1", 201, ["p"]),
        ("create", created, 201, ["q"]),
        ("read", "Observation/o", 200, ["p"]),
        ("vread", "Observation/o/_history/1", 200, ["p"]),
        ("search", "Observation", 200, ["p", "q"]),
        ("history", "Patient/p", 200, ["p"]),
        ("patch", "Patient/p/_history/2", 200, ["p"]),
        ("delete", "Observation/o/_history/2", 204, ["p"]),
        ("transaction", "", 200, ["p"]),
    ]
    assert {row.actor for row in rows.values()} == {"anonymous"}


async def test_a_row_tells_the_parameters_of_a_search_but_not_their_values(server: Server) -> None:
    await server.put(identified("secret", id="1"))
    await server.do("search", "Patient", query=[("identifier", "urn:s|secret")])
    row = (await server.audit_rows())[-1]
    assert row.details == {"parameters": ["identifier"], "matches": 1}
    assert "secret" not in repr(row)


async def test_a_write_that_is_refused_leaves_no_row_of_its_own_and_the_refusal_is_told_apart(server: Server) -> None:
    call = server.call("Patient/1", resource=patient("1", active="yes"))
    refusal = await server.refusal("update", "Patient/1", resource=patient("1", active="yes"))
    assert await server.audit_rows() == []
    await audit.refused(call, "update", refusal.status)
    (row,) = await server.audit_rows()
    assert (row.action, row.target, row.status, list(row.patients)) == ("update", "Patient/1", 422, [])


async def test_a_write_prepared_again_leaves_one_row(server: Server) -> None:
    step = b'[{"op":"add","path":"/active","value":true}]'
    await server.put(patient("1"))
    await asyncio.gather(*(server.do("patch", "Patient/1", raw=step) for _ in range(5)))
    rows = await server.audit_rows()
    assert sorted(row.target for row in rows) == [f"Patient/1/_history/{number}" for number in range(1, 7)]
