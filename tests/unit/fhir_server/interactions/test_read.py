"""read (http://hl7.org/fhir/R4/http.html#read)."""

from __future__ import annotations

import pytest

from fhir_server.errors import BadRequest, Gone, NotFound
from fhir_server.interactions.call import Preconditions
from tests.fakes.server import Server, content, patient

pytestmark = pytest.mark.anyio


async def test_read_answers_with_the_stored_bytes_their_version_and_time(server: Server) -> None:
    written = await server.put(patient("1", active=True))
    found = await server.do("read", "Patient/1")
    assert found.status == 200
    assert found.body == written.body
    assert (found.version, found.time) == ("1", server.clock.now)
    assert content(found)["meta"] == {"versionId": "1", "lastUpdated": "2025-06-15T15:06:40.000Z"}


async def test_a_resource_that_never_was_is_404(server: Server) -> None:
    refusal = await server.refusal("read", "Patient/1")
    assert isinstance(refusal, NotFound)
    assert "Patient/1" in str(refusal)


async def test_a_deleted_resource_is_410(server: Server) -> None:
    await server.put(patient("1"))
    await server.do("delete", "Patient/1")
    assert isinstance(await server.refusal("read", "Patient/1"), Gone)


@pytest.mark.parametrize("etag", ["2", "*", "1,2"])
async def test_the_version_that_the_caller_has_is_304(server: Server, etag: str) -> None:
    await server.put(patient("1"))
    await server.put(patient("1"))
    found = await server.do("read", "Patient/1", when=Preconditions(if_none_match=etag))
    assert (found.status, found.body, found.version) == (304, None, "2")


async def test_another_version_than_the_caller_has_is_200(server: Server) -> None:
    await server.put(patient("1"))
    for versions in ("7", "", "11,12"):
        assert (await server.do("read", "Patient/1", when=Preconditions(if_none_match=versions))).status == 200


async def test_unmodified_counts_in_whole_seconds(server: Server) -> None:
    server.clock.advance(0.7)
    await server.put(patient("1"))
    second = server.clock.now // 1_000_000 * 1_000_000
    for since, status in ((second, 304), (second + 1_000_000, 304), (second - 1_000_000, 200)):
        assert (await server.do("read", "Patient/1", when=Preconditions(if_modified_since=since))).status == status


async def test_if_none_match_wins_over_if_modified_since(server: Server) -> None:
    await server.put(patient("1"))
    both = Preconditions(if_none_match="7", if_modified_since=server.clock.now)
    assert (await server.do("read", "Patient/1", when=both)).status == 200


async def test_summary_and_elements_cut_the_resource_and_say_so(server: Server) -> None:
    await server.put(patient("1", birthDate="1970-01-01", name=[{"family": "Doe"}], photo=[{"title": "me"}]))
    cut = content(await server.do("read", "Patient/1", query=[("_elements", "birthDate")]))
    assert cut["birthDate"] == "1970-01-01"
    assert "name" not in cut
    assert cut["meta"]["tag"][0]["code"] == "SUBSETTED"
    summary = content(await server.do("read", "Patient/1", query=[("_summary", "true")]))
    assert "name" in summary
    assert "photo" not in summary


@pytest.mark.parametrize(
    "query",
    [
        [("_summary", "much")],
        [("_summary", "count")],
        [("_elements", "")],
        [("_elements", "Patient.name")],
        [("_elements", "name,valueQuantity")],
        [("_summary", "text"), ("_elements", "name")],
        [("_summary", "text"), ("_summary", "data")],
    ],
)
async def test_summary_and_elements_that_mean_nothing_are_refused(server: Server, query: list[tuple[str, str]]) -> None:
    await server.put(patient("1"))
    refusal = await server.refusal("read", "Patient/1", query=query)
    assert isinstance(refusal, BadRequest)
    assert refusal.issues[0].expression in ("_summary", "_elements")


async def test_vread_answers_with_any_version(server: Server) -> None:
    await server.put(patient("1", active=True))
    await server.put(patient("1", active=False))
    assert content(await server.do("vread", "Patient/1/_history/1"))["active"] is True
    assert content(await server.do("vread", "Patient/1/_history/2"))["active"] is False
    same = await server.do("vread", "Patient/1/_history/1", when=Preconditions(if_none_match="1"))
    assert same.status == 304


async def test_vread_of_a_tombstone_is_410_and_the_version_before_it_is_still_there(server: Server) -> None:
    await server.put(patient("1"))
    await server.do("delete", "Patient/1")
    assert isinstance(await server.refusal("vread", "Patient/1/_history/2"), Gone)
    assert (await server.do("vread", "Patient/1/_history/1")).status == 200


@pytest.mark.parametrize("version", ["2", "0", "01", "-1", "a", "１", "9" * 40])
async def test_vread_of_no_version_is_404(server: Server, version: str) -> None:
    await server.put(patient("1"))
    assert isinstance(await server.refusal("vread", f"Patient/1/_history/{version}"), NotFound)
