"""Value sets and code systems of the store in searches (http://hl7.org/fhir/R4/search.html#token)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fhir_server.errors import BadRequest, TooCostly
from fhir_server.interactions.call import Preconditions, Principal
from fhir_server.interactions.terminology import Reading, answered
from profiles.restriction import InCompartment
from tests.fakes.rights import limited_to
from tests.fakes.server import Server, content, entry, observation, patient

pytestmark = pytest.mark.anyio

COLOURS = "urn:colours"
WARM = "http://example.org/vs/warm"


def value_set(url: str, id: str, include: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ValueSet",
        "id": id,
        "url": url,
        "status": "active",
        "compose": {"include": include},
    } | more


def listed(*codes: str) -> dict[str, Any]:
    return {"system": COLOURS, "concept": [{"code": code} for code in codes]}


def coloured(code: str, subject: str = "Patient/1") -> dict[str, Any]:
    return observation(subject, code, code={"coding": [{"system": COLOURS, "code": code}]})


@pytest.fixture
async def colours(server: Server) -> Server:
    """Return a server with an observation of each colour, and a code system of them: red with kinds of it, and blue."""
    await server.put(patient("1"))
    for code in ("red", "crimson", "blue"):
        await server.put(coloured(code))
    concepts = [{"code": "red", "concept": [{"code": "crimson"}]}, {"code": "blue"}]
    await server.put(
        {
            "resourceType": "CodeSystem",
            "id": "colours",
            "url": COLOURS,
            "status": "active",
            "content": "complete",
            "hierarchyMeaning": "is-a",
            "concept": concepts,
        }
    )
    return server


async def found(server: Server, *query: tuple[str, str]) -> list[str]:
    bundle = content(await server.do("search", "Observation", query=query))
    return sorted(each["resource"]["id"] for each in bundle.get("entry", []))


async def test_a_stored_value_set_is_asked_for_by_its_url(colours: Server) -> None:
    await colours.put(value_set(WARM, "warm", [listed("red", "crimson")]))
    assert await found(colours, ("code:in", WARM)) == ["crimson", "red"]
    assert await found(colours, ("code:not-in", WARM)) == ["blue"]


async def test_what_it_imports_and_filters_is_read_too(colours: Server) -> None:
    kinds = {"system": COLOURS, "filter": [{"property": "concept", "op": "is-a", "value": "red"}]}
    await colours.put(value_set("http://example.org/vs/kinds", "kinds", [kinds]))
    await colours.put(value_set(WARM, "warm", [{"valueSet": ["http://example.org/vs/kinds"]}]))
    assert await found(colours, ("code:in", WARM)) == ["crimson", "red"]


async def test_hierarchies_are_those_of_stored_code_systems(colours: Server) -> None:
    assert await found(colours, ("code:below", f"{COLOURS}|red")) == ["crimson", "red"]
    assert await found(colours, ("code:above", f"{COLOURS}|crimson")) == ["crimson", "red"]


async def test_a_value_set_down_a_chain_is_found(colours: Server) -> None:
    await colours.put(value_set(WARM, "warm", [listed("red")]))
    bundle = content(await colours.do("search", "Patient", query=[("_has:Observation:patient:code:in", WARM)]))
    assert [each["resource"]["id"] for each in bundle["entry"]] == ["1"]


async def test_one_in_force_goes_before_drafts_and_the_newest_business_version_before_others(colours: Server) -> None:
    await colours.put(value_set(WARM, "a", [listed("red")], version="1.9"))
    await colours.put(value_set(WARM, "b", [listed("crimson")], version="1.10"))
    await colours.put(value_set(WARM, "c", [listed("blue")], version="2.0", status="draft"))
    await colours.put(value_set(WARM, "d", [listed("blue")], version="1.8"))
    assert await found(colours, ("code:in", WARM)) == ["crimson"]
    assert await found(colours, ("code:in", f"{WARM}|1.9")) == ["red"]
    assert await found(colours, ("code:in", f"{WARM}|2.0")) == ["blue"]


async def test_what_is_not_there_is_refused_by_name(colours: Server) -> None:
    for query in (("code:in", "http://example.org/none"), ("code:in", f"{WARM}|9"), ("code:below", "urn:none|x")):
        refusal = await colours.refusal("search", "Observation", query=[query])
        assert isinstance(refusal, BadRequest)
        assert query[1].partition("|")[0] in str(refusal)


async def test_value_sets_that_import_each_other_are_refused(colours: Server) -> None:
    await colours.put(value_set(WARM, "warm", [{"valueSet": ["http://example.org/vs/b"]}]))
    await colours.put(value_set("http://example.org/vs/b", "b", [{"valueSet": [WARM]}]))
    assert isinstance(await colours.refusal("search", "Observation", query=[("code:in", WARM)]), BadRequest)


async def test_there_is_a_limit_to_definitions_and_to_codes(colours: Server) -> None:
    await colours.put(value_set(WARM, "warm", [listed("red", "crimson")]))
    colours.limit(expansion_codes=1)
    assert isinstance(await colours.refusal("search", "Observation", query=[("code:in", WARM)]), BadRequest)
    colours.limit(expansion_codes=10, definitions=2)
    urls = [f"http://example.org/vs/{number}" for number in range(3)]
    await colours.put(value_set(WARM, "warm", [{"valueSet": urls}]))
    assert isinstance(await colours.refusal("search", "Observation", query=[("code:in", WARM)]), TooCostly)


async def test_the_callers_restriction_does_not_change_what_a_code_means(colours: Server) -> None:
    await colours.put(value_set(WARM, "warm", [listed("red", "crimson")]))
    colours.principal = Principal("ann", limited_to(InCompartment("Patient", "1")))
    assert await found(colours, ("code:not-in", WARM)) == ["blue"]
    assert "entry" not in content(await colours.do("search", "ValueSet"))


async def test_a_walk_goes_on_with_the_value_set_it_began_with(colours: Server) -> None:
    await colours.put(value_set(WARM, "warm", [listed("red", "crimson")]))
    query = [("code:in", WARM), ("_count", "1"), ("_sort", "_id")]
    page = content(await colours.do("search", "Observation", query=query))
    assert [each["resource"]["id"] for each in page["entry"]] == ["crimson"]
    await colours.put(value_set(WARM, "warm", [listed("blue")]))
    following = next(each["url"] for each in page["link"] if each["relation"] == "next")
    given = parse_qsl(urlsplit(following).query)
    last = content(await colours.do("search", "Observation", query=given))
    assert [each["resource"]["id"] for each in last["entry"]] == ["red"]
    assert await found(colours, ("code:in", WARM)) == ["blue"]


async def test_a_transaction_sees_the_value_set_it_writes(colours: Server) -> None:
    warm = value_set(WARM, "warm", [listed("blue")])
    _, _, answer = await colours.bundle(
        entry("PUT", "ValueSet/warm", warm),
        entry("PUT", "Observation/navy", coloured("blue") | {"id": "navy"}),
        entry("GET", f"Observation?code:in={WARM}"),
    )
    assert sorted(each["resource"]["id"] for each in answer["resource"]["entry"]) == ["blue", "navy"]


async def test_conditional_interactions_know_value_sets(colours: Server) -> None:
    await colours.put(value_set(WARM, "warm", [listed("blue")]))
    once = Preconditions(if_none_exist=f"code:in={WARM}")
    made = await colours.do("create", "Observation", resource=observation("Patient/1"), when=once)
    assert made.status == 200


async def test_parsing_begins_again_until_nothing_is_missing(server: Server) -> None:
    await server.put(value_set(WARM, "warm", [{"system": COLOURS}]))
    asked = []

    def read(terminology: Reading) -> str:
        asked.append(dict(terminology.known))
        if terminology.resolve(WARM) is None:
            raise BadRequest("There is no such value set.")
        return "read"

    result, position = await answered(server.call(), read)
    assert result == "read"
    assert position == await server.services.store.position()
    assert asked[0] == {}
    assert asked[1].keys() == {WARM, COLOURS}
    assert asked[1][COLOURS] is None
    assert len(asked) == 2


async def test_what_needs_no_terminology_is_parsed_once(server: Server) -> None:
    assert await answered(server.call(), lambda _: 1, position=5) == (1, 5)
