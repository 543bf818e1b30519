"""update and conditional update (http://hl7.org/fhir/R4/http.html#update)."""

from __future__ import annotations

import asyncio

import pytest

from fhir_server.errors import BadRequest, Conflict, PreconditionFailed, Unprocessable
from fhir_server.interactions.call import Preconditions
from tests.fakes.server import Server, content, identified, patient

pytestmark = pytest.mark.anyio

SEVEN = [("identifier", "urn:s|7")]


async def test_update_creates_under_the_id_of_the_url_and_then_replaces(server: Server) -> None:
    first = await server.put(patient("a.B-1", active=True))
    second = await server.put(patient("a.B-1", active=False))
    assert (first.status, first.location, first.version) == (201, "Patient/a.B-1/_history/1", "1")
    assert (second.status, second.location, second.version) == (200, "Patient/a.B-1/_history/2", "2")
    assert content(second)["meta"]["versionId"] == "2"
    assert (await server.show("Patient/a.B-1"))["active"] is False


async def test_equal_content_still_makes_a_version(server: Server) -> None:
    await server.put(patient("1"))
    assert (await server.put(patient("1"))).version == "2"


async def test_an_update_brings_back_what_was_deleted_and_goes_on_counting(server: Server) -> None:
    await server.put(patient("1"))
    await server.do("delete", "Patient/1")
    back = await server.put(patient("1"))
    assert (back.status, back.version) == (201, "3")


@pytest.mark.parametrize("body", [patient(), patient("2"), patient("1", resourceType="Group"), {**patient(), "id": 1}])
async def test_a_body_that_is_not_the_resource_of_the_url_is_400(server: Server, body: dict[str, object]) -> None:
    assert isinstance(await server.refusal("update", "Patient/1", resource=body), BadRequest)
    assert await server.services.store.counts() == {}


@pytest.mark.parametrize("id", ["a_b", "é", "x" * 65])
async def test_an_id_that_is_none_is_400(server: Server, id: str) -> None:
    assert isinstance(await server.refusal("update", f"Patient/{id}", resource=patient(id)), BadRequest)


async def test_an_invalid_resource_changes_nothing(server: Server) -> None:
    await server.put(patient("1", active=True))
    refusal = await server.refusal("update", "Patient/1", resource=patient("1", active="yes"))
    assert isinstance(refusal, Unprocessable)
    assert (await server.show("Patient/1"))["meta"]["versionId"] == "1"


async def test_if_match_lets_only_the_current_version_through(server: Server) -> None:
    await server.put(patient("1"))
    assert (await server.put(patient("1"), when=Preconditions(if_match="1"))).version == "2"
    refusal = await server.refusal("update", "Patient/1", resource=patient("1"), when=Preconditions(if_match="1"))
    assert isinstance(refusal, PreconditionFailed)
    assert 'W/"2"' in str(refusal)


@pytest.mark.parametrize("etag", ["1", "*", "abc"])
async def test_if_match_on_nothing_is_412(server: Server, etag: str) -> None:
    refusal = await server.refusal("update", "Patient/1", resource=patient("1"), when=Preconditions(if_match=etag))
    assert isinstance(refusal, PreconditionFailed)


async def test_if_none_match_star_creates_only(server: Server) -> None:
    absent = Preconditions(if_none_match="*")
    assert (await server.put(patient("1"), when=absent)).status == 201
    refusal = await server.refusal("update", "Patient/1", resource=patient("1"), when=absent)
    assert isinstance(refusal, PreconditionFailed)
    await server.do("delete", "Patient/1")
    assert (await server.put(patient("1"), when=absent)).version == "3"


async def test_of_eight_with_the_same_if_match_one_wins(server: Server) -> None:
    await server.put(patient("1"))
    when = Preconditions(if_match="1")
    results = await asyncio.gather(*(server.put(patient("1"), when=when) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(result, PreconditionFailed) for result in results) == 7
    assert (await server.show("Patient/1"))["meta"]["versionId"] == "2"


async def test_conditional_update_without_a_match_or_an_id_creates(server: Server) -> None:
    made = await server.do("update", "Patient", query=SEVEN, resource=identified("7"))
    assert made.status == 201
    assert (await server.do("update", "Patient", query=SEVEN, resource=identified("7"))).status == 200


async def test_conditional_update_without_a_match_creates_under_the_id_of_the_body(server: Server) -> None:
    made = await server.do("update", "Patient", query=SEVEN, resource=identified("7", id="x"))
    assert (made.status, made.location) == (201, "Patient/x/_history/1")


async def test_conditional_update_never_replaces_what_the_criteria_do_not_match(server: Server) -> None:
    await server.put(patient("x"))
    refusal = await server.refusal("update", "Patient", query=SEVEN, resource=identified("7", id="x"))
    assert isinstance(refusal, Conflict)
    assert (await server.show("Patient/x"))["meta"]["versionId"] == "1"


@pytest.mark.parametrize("id", [None, "1"])
async def test_conditional_update_replaces_the_one_match(server: Server, id: str | None) -> None:
    await server.put(identified("7", id="1"))
    body = identified("7", active=True) | ({} if id is None else {"id": id})
    done = await server.do("update", "Patient", query=SEVEN, resource=body)
    assert (done.status, done.location) == (200, "Patient/1/_history/2")


async def test_conditional_update_with_another_id_than_the_match_is_400(server: Server) -> None:
    await server.put(identified("7", id="1"))
    refusal = await server.refusal("update", "Patient", query=SEVEN, resource=identified("7", id="2"))
    assert isinstance(refusal, BadRequest)


async def test_conditional_update_with_several_matches_is_412(server: Server) -> None:
    for id in ("1", "2"):
        await server.put(identified("7", id=id))
    refusal = await server.refusal("update", "Patient", query=SEVEN, resource=identified("7"))
    assert isinstance(refusal, PreconditionFailed)


async def test_conditional_update_without_criteria_is_412(server: Server) -> None:
    assert isinstance(await server.refusal("update", "Patient", resource=patient()), PreconditionFailed)


async def test_of_eight_conditional_updates_one_creates_and_all_write_the_same_resource(server: Server) -> None:
    calls = (server.do("update", "Patient", query=SEVEN, resource=identified("7")) for _ in range(8))
    results = await asyncio.gather(*calls)
    assert sorted(result.status for result in results) == [200] * 7 + [201]
    assert sorted(int(result.version or 0) for result in results) == list(range(1, 9))
    assert await server.services.store.counts() == {"Patient": 1}
