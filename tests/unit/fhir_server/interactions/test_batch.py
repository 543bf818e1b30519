"""batch: each entry on its own (http://hl7.org/fhir/R4/http.html#transaction)."""

from __future__ import annotations

import pytest

from fhir_server.interactions.call import Prefer
from tests.fakes.server import Server, entry, identified, observation, patient

pytestmark = pytest.mark.anyio


async def test_entries_succeed_and_fail_alone_in_the_order_of_the_request(server: Server) -> None:
    await server.put(patient("1"))
    answers = await server.bundle(
        entry("GET", "Patient/1"),
        entry("POST", "Patient", patient(active="yes")),
        entry("PUT", "Patient/2", patient("2")),
        entry("GET", "Patient/9"),
        entry("DELETE", "Patient/8"),
        entry("COPY", "Patient/8"),
        type="batch",
    )
    assert [answer["response"]["status"][:3] for answer in answers] == ["200", "422", "201", "404", "204", "400"]
    assert answers[0]["resource"]["id"] == "1"
    issue = answers[1]["response"]["outcome"]["issue"][0]
    assert issue["expression"] == ["Bundle.entry[1].resource.active"]
    assert answers[5]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[5].request.method"]
    assert await server.services.store.counts() == {"Patient": 2}


async def test_conditional_creates_of_one_batch_and_of_two_make_one_resource(server: Server) -> None:
    once = entry("POST", "Patient", identified("7"), ifNoneExist="identifier=urn:s|7")
    answers = await server.bundle(*[once] * 40, type="batch", prefer=Prefer("minimal"))
    statuses = sorted(answer["response"]["status"][:3] for answer in answers)
    assert statuses == ["200"] * 39 + ["201"]
    again = await server.bundle(once, type="batch")
    assert again[0]["response"]["status"] == "200 OK"
    assert await server.services.store.counts() == {"Patient": 1}


async def test_a_reference_to_another_entry_is_refused_and_one_to_itself_or_elsewhere_kept(server: Server) -> None:
    one, two, other = (f"urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0{digit}" for digit in "abc")
    answers = await server.bundle(
        entry("POST", "Patient", patient(), one),
        entry("POST", "Observation", observation(one), two),
        entry("POST", "Observation", observation(other)),
        type="batch",
    )
    assert [answer["response"]["status"][:3] for answer in answers] == ["201", "422", "201"]
    issue = answers[1]["response"]["outcome"]["issue"][0]
    assert "transaction" in issue["diagnostics"]
    assert issue["expression"] == ["Bundle.entry[1].resource"]


@pytest.mark.parametrize("type", ["batch", "transaction"])
async def test_a_search_by_post_answers_with_its_matches(server: Server, type: str) -> None:
    await server.put(patient("1"))
    answers = await server.bundle(entry("POST", "Patient/_search?_id=1"), type=type)
    assert [each["resource"]["id"] for each in answers[0]["resource"]["entry"]] == ["1"]
    assert "location" not in answers[0]["response"]


async def test_a_search_by_post_is_answered_after_the_writes(server: Server) -> None:
    answers = await server.bundle(
        entry("POST", "Patient/_search?_id=1"), entry("PUT", "Patient/1", patient("1")), type="batch"
    )
    assert answers[0]["resource"]["total"] == 1


async def test_criteria_that_name_another_entry_are_refused(server: Server) -> None:
    one = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
    answers = await server.bundle(
        entry("POST", "Patient", patient(), one),
        entry("GET", f"Observation?subject={one}"),
        entry("POST", "Observation", observation("Patient/1"), ifNoneExist=f"subject={one}"),
        type="batch",
    )
    assert [answer["response"]["status"][:3] for answer in answers] == ["201", "422", "422"]
    assert answers[1]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[1].request"]


async def test_each_entry_leaves_its_own_audit_row(server: Server) -> None:
    await server.bundle(entry("PUT", "Patient/1", patient("1")), entry("GET", "Patient/9"), type="batch")
    rows = {(row.action, row.status) for row in await server.audit_rows()}
    assert rows == {("update", 201), ("read", 404)}
