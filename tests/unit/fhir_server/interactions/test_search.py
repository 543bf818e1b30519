"""search of one type (http://hl7.org/fhir/R4/http.html#search)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fhir_server.errors import BadRequest, Gone
from fhir_server.interactions.call import Prefer, Principal
from profiles.restriction import InCompartment
from tests.fakes.rights import limited_to
from tests.fakes.server import BASE, Server, content, identified, observation, patient

pytestmark = pytest.mark.anyio

Query = list[tuple[str, str]]


def link(bundle: dict[str, Any], relation: str) -> Query | None:
    """Return the query of a link."""
    urls = [each["url"] for each in bundle["link"] if each["relation"] == relation]
    return parse_qsl(urlsplit(urls[0]).query) if urls else None


async def search(server: Server, path: str, *query: tuple[str, str], lenient: bool = False) -> dict[str, Any]:
    found = content(await server.do("search", path, query=query, prefer=Prefer(lenient=lenient)))
    assert (found["resourceType"], found["type"]) == ("Bundle", "searchset")
    return found


def ids(bundle: dict[str, Any]) -> list[str]:
    return [each["resource"]["id"] for each in bundle.get("entry", []) if each["search"]["mode"] == "match"]


async def test_matches_come_with_their_url_and_mode(server: Server) -> None:
    await server.put(identified("7", id="1"))
    await server.put(identified("8", id="2"))
    found = await search(server, "Patient", ("identifier", "urn:s|7"))
    assert found["total"] == 1
    assert found["link"] == [{"relation": "self", "url": f"{BASE}/Patient?identifier=urn:s%7C7"}]
    assert found["entry"][0]["fullUrl"] == f"{BASE}/Patient/1"
    assert found["entry"][0]["search"] == {"mode": "match"}
    assert found["entry"][0]["resource"] == await server.show("Patient/1")


async def test_no_match_is_an_empty_bundle(server: Server) -> None:
    found = await search(server, "Patient", ("identifier", "urn:s|7"))
    assert found["total"] == 0
    assert "entry" not in found


async def test_deleted_resources_match_nothing(server: Server) -> None:
    await server.put(patient("1"))
    await server.do("delete", "Patient/1")
    assert ids(await search(server, "Patient")) == []


async def test_parameters_are_all_demanded_and_commas_are_alternatives(server: Server) -> None:
    for id, gender, family in (("1", "male", "Doe"), ("2", "female", "Doe"), ("3", "other", "Roe")):
        await server.put(patient(id, gender=gender, name=[{"family": family}]))
    assert ids(await search(server, "Patient", ("gender", "male,female"), ("family", "doe"))) == ["1", "2"]
    assert ids(await search(server, "Patient", ("gender", "female"), ("family", "doe"))) == ["2"]


async def test_a_page_walk_shows_each_match_once_whatever_is_written_meanwhile(server: Server) -> None:
    for number in range(7):
        await server.put(observation("Patient/1", f"o{number}"))
    seen: list[str] = []
    query: Query | None = [("subject", "Patient/1"), ("_count", "3")]
    while query is not None:
        page = content(await server.do("search", "Observation", query=query))
        seen += ids(page)
        await server.put(observation("Patient/1", "o0", note=[{"text": "again"}]))
        await server.put(observation("Patient/1", f"late-{len(seen)}"))
        query = link(page, "next")
    assert seen == [f"o{number}" for number in range(7)]


async def test_a_cursor_goes_with_its_own_search_only_and_grows_old(server: Server) -> None:
    for number in range(3):
        await server.put(observation("Patient/1", f"o{number}"))
    query = link(await search(server, "Observation", ("subject", "Patient/1"), ("_count", "2")), "next")
    assert query is not None
    other = [(name, value.replace("Patient/1", "Patient/2")) for name, value in query]
    assert isinstance(await server.refusal("search", "Observation", query=other), BadRequest)
    assert isinstance(await server.refusal("search", "Observation", query=[*query, query[-1]]), BadRequest)
    server.clock.advance(3601)
    assert isinstance(await server.refusal("search", "Observation", query=query), Gone)


@pytest.mark.parametrize("query", [("_summary", "count"), ("_count", "0")])
async def test_the_number_alone_can_be_asked_for(server: Server, query: tuple[str, str]) -> None:
    for number in range(3):
        await server.put(patient(str(number)))
    found = await search(server, "Patient", query)
    assert found["total"] == 3
    assert "entry" not in found


async def test_the_total_is_told_when_asked_for_or_known_and_never_guessed(server: Server) -> None:
    for number in range(3):
        await server.put(patient(str(number)))
    two = ("_count", "2")
    assert "total" not in await search(server, "Patient", two)
    assert (await search(server, "Patient"))["total"] == 3
    assert "total" not in await search(server, "Patient", ("_total", "none"))
    for total in ("accurate", "estimate"):
        page = await search(server, "Patient", two, ("_total", total))
        assert page["total"] == 3
        await server.put(patient("late"))
        following = link(page, "next")
        assert following is not None
        assert content(await server.do("search", "Patient", query=following))["total"] == 3
        await server.do("delete", "Patient/late")


async def test_count_is_cut_down_to_the_most_there_is_and_says_so(server: Server) -> None:
    server.limit(page_max=2)
    for number in range(3):
        await server.put(patient(str(number)))
    page = await search(server, "Patient", ("_count", "500"))
    assert len(ids(page)) == 2
    assert link(page, "self") == [("_count", "2")]


async def test_summary_and_elements_cut_each_match(server: Server) -> None:
    await server.put(patient("1", birthDate="1970-01-01", name=[{"family": "Doe"}]))
    found = await search(server, "Patient", ("_elements", "birthDate"))
    resource = found["entry"][0]["resource"]
    assert resource["birthDate"] == "1970-01-01"
    assert "name" not in resource
    assert link(found, "self") == [("_elements", "birthDate")]


@pytest.mark.parametrize(
    "query",
    [
        ("nonsense", "1"),
        ("_count", "-1"),
        ("_total", "all"),
        ("birthdate", "soon"),
        ("_include", "x"),
        ("_elements", "shoeSize"),
        ("_contained", "no"),
        ("_containedType", "Patient"),
        ("_explain", "yes"),
        ("_type", "Observation"),
        ("_score", "true"),
        ("_query", "name"),
    ],
)
async def test_what_cannot_be_answered_is_400_and_named(server: Server, query: tuple[str, str]) -> None:
    refusal = await server.refusal("search", "Patient", query=[query])
    assert isinstance(refusal, BadRequest)
    assert refusal.issues[0].expression == query[0]


async def test_contained_resources_are_left_out_on_request_as_by_default(server: Server) -> None:
    await server.put(patient("1"))
    found = await search(server, "Patient", ("_contained", "false"), ("_containedType", "container"))
    assert ids(found) == ["1"]
    assert link(found, "self") == [("_contained", "false"), ("_containedType", "container")]


async def test_a_contained_resource_is_shown_by_itself_and_without_an_id_it_has_no_url(server: Server) -> None:
    basic = {"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": "#"}}
    inner = [basic | {"id": "b"}, basic]
    await server.put(patient("1", contained=inner))
    asked = ("_contained", "true"), ("_containedType", "contained")
    found = await search(server, "Basic", *asked)
    assert [entry.get("fullUrl", "").rpartition("/")[2] for entry in found["entry"]] == ["1#b", ""]
    assert [entry["resource"] for entry in found["entry"]] == inner
    assert found["total"] == 2


async def test_what_a_container_is_not_allowed_for_is_not_found_in_it(server: Server) -> None:
    inner = [{"resourceType": "Basic", "id": "b", "code": {"text": "x"}, "subject": {"reference": "#"}}]
    for id in ("1", "2"):
        await server.put(patient(id, contained=inner))
    server.principal = Principal("nurse", limited_to(InCompartment("Patient", "1")))
    found = await search(server, "Basic", ("_contained", "true"))
    assert [entry["fullUrl"].rpartition("/")[2] for entry in found["entry"]] == ["1"]


async def test_a_parameter_that_takes_one_word_is_given_once(server: Server) -> None:
    for name, value in (("_total", "none"), ("_contained", "false"), ("_explain", "true")):
        refusal = await server.refusal("search", "Patient", query=[(name, value), (name, value)])
        assert isinstance(refusal, BadRequest)
        assert refusal.issues[0].expression == name


async def test_a_plan_is_told_in_place_of_the_answer(server: Server) -> None:
    await server.put(patient("1", gender="male"))
    found = content(await server.do("search", "Patient", query=[("gender", "male"), ("_explain", "true")]))
    assert found["resourceType"] == "Parameters"
    assert ids(await search(server, "Patient", ("gender", "male"), ("_explain", "false"))) == ["1"]


async def test_the_order_is_that_of_sort_and_told_in_the_links(server: Server) -> None:
    for id, born in (("1", "1970-01-01"), ("2", "1990-01-01"), ("3", "1980-01-01")):
        await server.put(patient(id, birthDate=born))
    page = await search(server, "Patient", ("_sort", "-birthdate"), ("_count", "2"))
    assert ids(page) == ["2", "3"]
    following = link(page, "next")
    assert following is not None
    assert ("_sort", "-birthdate") in following
    assert ids(content(await server.do("search", "Patient", query=following))) == ["1"]


async def test_lenient_handling_says_what_it_ignored(server: Server) -> None:
    await server.put(patient("1"))
    asked = (("nonsense", "1"), ("_id", "1"))
    found = await search(server, "Patient", *asked, lenient=True)
    assert ids(found) == ["1"]
    assert found["total"] == 1
    assert link(found, "self") == [("_id", "1")]
    outcome = found["entry"][-1]
    assert outcome["search"] == {"mode": "outcome"}
    assert outcome["resource"]["issue"][0]["severity"] == "warning"
    assert outcome["resource"]["issue"][0]["expression"] == ["nonsense"]
    found = await search(server, "Patient", *asked, ("_elements", "birthDate,shoeSize"), lenient=True)
    issues = found["entry"][-1]["resource"]["issue"]
    assert [each["expression"] for each in issues] == [["nonsense"], ["_elements"]]
