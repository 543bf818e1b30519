"""history of a resource, a type and everything (http://hl7.org/fhir/R4/http.html#history)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fhir_server.errors import BadRequest, Gone, NotFound
from fhir_server.interactions.call import Prefer
from fhir_server.interactions.history import history
from tests.fakes.server import BASE, Server, content, observation, patient

pytestmark = pytest.mark.anyio

START = "2025-06-15T15:06:40"


def link(bundle: dict[str, Any], relation: str) -> list[tuple[str, str]] | None:
    """Return the query of a link."""
    urls = [each["url"] for each in bundle["link"] if each["relation"] == relation]
    return parse_qsl(urlsplit(urls[0]).query) if urls else None


async def four_versions(server: Server) -> None:
    """Patient/1: made at :40, changed at :50, deleted at :00, brought back at :10."""
    await server.put(patient("1", active=True))
    server.clock.advance(10)
    await server.put(patient("1", active=False))
    server.clock.advance(10)
    await server.do("delete", "Patient/1")
    server.clock.advance(10)
    await server.put(patient("1"))


async def test_the_history_of_a_resource_tells_each_version_newest_first(server: Server) -> None:
    await four_versions(server)
    found = content(await server.do("history", "Patient/1"))
    assert found["type"] == "history"
    entries = found["entry"]
    assert [entry["request"]["method"] for entry in entries] == ["PUT", "DELETE", "PUT", "PUT"]
    assert [entry["request"]["url"] for entry in entries] == ["Patient/1"] * 4
    assert [entry["response"]["etag"] for entry in entries] == [f'W/"{number}"' for number in (4, 3, 2, 1)]
    assert [entry["response"]["status"][:3] for entry in entries][1:] == ["204", "200", "201"]
    assert ["resource" in entry for entry in entries] == [True, False, True, True]
    assert {entry["fullUrl"] for entry in entries} == {f"{BASE}/Patient/1"}
    assert entries[3]["response"]["lastModified"] == f"{START}.000Z"


async def test_the_history_of_a_deleted_resource_is_there_and_of_none_is_404(server: Server) -> None:
    await server.put(patient("1"))
    await server.do("delete", "Patient/1")
    assert len(content(await server.do("history", "Patient/1"))["entry"]) == 2
    assert isinstance(await server.refusal("history", "Patient/2"), NotFound)


async def test_type_and_system_histories_hold_what_belongs_to_them(server: Server) -> None:
    await server.put(patient("1"))
    await server.do("create", "Observation", resource=observation("Patient/1"))
    of_type = content(await server.do("history", "Observation"))["entry"]
    assert [(entry["request"]["method"], entry["request"]["url"]) for entry in of_type] == [("POST", "Observation")]
    assert len(content(await server.do("history"))["entry"]) == 2
    assert "entry" not in content(await server.do("history", "Device"))


async def test_since_is_the_first_instant_told(server: Server) -> None:
    await four_versions(server)
    for since, left in (("2025-06-15T15:06:50Z", 3), ("2025-06-15T15:06:51Z", 2), ("2025-06-16", 0)):
        found = content(await server.do("history", "Patient/1", query=[("_since", since)]))
        assert len(found.get("entry", [])) == left, since
        assert link(found, "self") == [("_since", since)]


async def test_at_tells_the_versions_that_were_current_then(server: Server) -> None:
    await four_versions(server)
    for at, versions in (
        ("2025-06-15T15:06:45Z", [1]),
        ("2025-06-15T15:06:50Z", [2, 1]),
        ("2025-06-15T15:07:05Z", [3]),
        ("2025-06-15T15:06Z", [2, 1]),
        ("2025-06-15", [4, 3, 2, 1]),
        ("2025-06-14", []),
    ):
        found = content(await server.do("history", "Patient/1", query=[("_at", at)]))
        etags = [entry["response"]["etag"] for entry in found.get("entry", [])]
        if at == "2025-06-15T15:06:50Z":
            assert 'W/"2"' in etags
            continue
        assert etags == [f'W/"{number}"' for number in versions], at


async def test_pages_are_one_walk_that_later_writes_do_not_disturb(server: Server) -> None:
    for number in range(7):
        await server.put(patient(str(number)))
    seen: list[str] = []
    query: list[tuple[str, str]] | None = [("_count", "3")]
    sizes = []
    while query is not None:
        page = content(await server.do("history", "Patient", query=query))
        sizes.append(len(page["entry"]))
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        await server.put(patient(f"late-{len(sizes)}"))
        query = link(page, "next")
    assert sizes == [3, 3, 1]
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


async def test_a_cursor_goes_with_its_own_history_only_and_grows_old(server: Server) -> None:
    for number in range(3):
        await server.put(patient(str(number)))
    query = link(content(await server.do("history", "Patient", query=[("_count", "2")])), "next")
    assert query is not None
    assert isinstance(await server.refusal("history", "Observation", query=query), BadRequest)
    assert isinstance(await server.refusal("history", "Patient", query=query[1:]), BadRequest)
    assert isinstance(await server.refusal("history", "Patient", query=[*query[:1], ("_cursor", "x")]), BadRequest)
    server.clock.advance(3601)
    assert isinstance(await server.refusal("history", "Patient", query=query), Gone)


async def test_count_is_cut_down_to_the_most_there_is_and_says_so(server: Server) -> None:
    server.limit(page_max=2)
    for number in range(3):
        await server.put(patient(str(number)))
    page = content(await server.do("history", "Patient", query=[("_count", "500")]))
    assert len(page["entry"]) == 2
    assert link(page, "self") == [("_count", "2")]


@pytest.mark.parametrize(
    "query",
    [
        [("_count", "-1")],
        [("_count", "0")],
        [("_since", "yesterday")],
        [("_at", "2025-02-30")],
        [("name", "x")],
        [("_since", "2025"), ("_since", "2024")],
    ],
)
async def test_parameters_that_history_does_not_have_are_400(server: Server, query: list[tuple[str, str]]) -> None:
    refusal = await server.refusal("history", query=query)
    assert isinstance(refusal, BadRequest)
    assert refusal.issues[0].expression == query[0][0]


async def test_lenient_handling_ignores_them_and_the_self_link_says_so(server: Server) -> None:
    await server.put(patient("1"))
    found = content(await server.do("history", query=[("name", "x")], prefer=Prefer(lenient=True)))
    assert len(found["entry"]) == 1
    assert link(found, "self") == []


async def test_each_version_is_shown_in_the_part_that_is_asked_for(server: Server) -> None:
    await four_versions(server)
    found = content(await server.do("history", "Patient/1", query=[("_elements", "gender"), ("_count", "1")]))
    assert [list(entry["resource"]) for entry in found["entry"]] == [["resourceType", "id", "meta"]]
    assert ("_elements", "gender") in (link(found, "next") or [])
    whole = content(await server.do("history", "Patient/1", query=[("_summary", "true")]))
    assert [entry.get("resource", {}).get("active") for entry in whole["entry"]] == [None, None, False, True]
    with pytest.raises(BadRequest, match="_summary=count"):
        await server.do("history", "Patient/1", query=[("_summary", "count")])


async def test_the_links_repeat_the_format_that_was_asked_for(server: Server) -> None:
    await four_versions(server)
    call = server.call("Patient/1", query=[("_count", "1")])
    call.protocol = [("_format", "xml"), ("_pretty", "true")]
    found = content(await history(call))
    for relation in ("self", "next"):
        assert (link(found, relation) or [])[:3] == [("_count", "1"), ("_format", "xml"), ("_pretty", "true")]
    following = await server.do(
        "history", "Patient/1", query=[*(link(found, "next") or [])[:1], (link(found, "next") or [])[-1]]
    )
    assert len(content(following)["entry"]) == 1
