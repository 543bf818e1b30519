"""The operations of terminology over a code system of the concept store, which no operation ever has in memory."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fhir_server.errors import Gone, NotFound, TooCostly, Unprocessable
from profiles.terminology.head import Head
from tests.fakes.concepts import EDGES, URL, load
from tests.fakes.operating import ask, parameters, refused, told
from tests.fakes.server import Server, content

pytestmark = pytest.mark.anyio

VS = "http://example.org/fhir/ValueSet/some"


def value_set(*includes: dict[str, Any], **more: Any) -> dict[str, Any]:
    compose = {"include": [{"system": URL, **each} for each in includes], **more}
    return {"resourceType": "ValueSet", "id": "some", "url": VS, "status": "active", "compose": compose}


def filtered(property: str, op: str, value: str) -> dict[str, Any]:
    return {"filter": [{"property": property, "op": op, "value": value}]}


async def expanded(server: Server, **query: str) -> list[str]:
    answer = await ask(server, "expand", "ValueSet", url=VS, **query)
    assert answer["expansion"]["total"] >= len(answer["expansion"].get("contains", ()))
    return [each["code"] for each in answer["expansion"].get("contains", ())]


async def test_a_code_is_looked_up(server: Server) -> None:
    await load(server.services.store)
    answer = await ask(server, "lookup", "CodeSystem", system=URL, code="bat", displayLanguage="fr")
    assert [told(answer, each) for each in ("name", "version", "display")] == [["Beasts"], ["1"], ["Chauve-souris"]]
    assert told(answer, "designation") == [{"language": "fr", "value": "Chauve-souris"}]
    assert [(each["code"], each["value"]) for each in told(answer, "property")] == [
        ("legs", 2),
        ("inactive", False),
        ("parent", "bird"),
        ("parent", "mammal"),
    ]
    assert isinstance(await refused(server, "lookup", "CodeSystem", system=URL, code="unicorn"), NotFound)
    refusal = await refused(server, "lookup", "CodeSystem", system=URL, version="7", code="bat")
    assert isinstance(refusal, NotFound)
    assert "is not here in version 7 but in 1" in str(refusal)


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ("mammal", "mammal", "equivalent"),
        ("animal", "bat", "subsumes"),
        ("bat", "bird", "subsumed-by"),
        ("Dog", "bird", "not-subsumed"),
    ],
)
async def test_one_code_subsumes_another(server: Server, first: str, second: str, outcome: str) -> None:
    await load(server.services.store)
    answer = await ask(server, "subsumes", "CodeSystem", system=URL, codeA=first, codeB=second)
    assert told(answer, "outcome") == [outcome]


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ({"code": "bat"}, True),
        ({"code": "bat", "display": "chauve-souris"}, True),
        ({"code": "bat", "display": "Dog"}, False),
        ({"code": "unicorn"}, False),
        ({"code": "animal", "abstract": "false"}, False),
    ],
)
async def test_a_code_is_validated_in_its_system(server: Server, query: dict[str, str], result: bool) -> None:
    await load(server.services.store)
    assert told(await ask(server, "validate-code", "CodeSystem", url=URL, **query), "result") == [result]


FILTERS: list[tuple[list[dict[str, Any]], list[str]]] = [
    ([{}], ["animal", "mammal", "bird", "bat", "Dog", "dodo", "rock"]),
    ([filtered("concept", "is-a", "bird")], ["bird", "bat", "dodo"]),
    ([filtered("concept", "descendent-of", "bird")], ["bat", "dodo"]),
    ([filtered("concept", "is-not-a", "animal")], ["rock"]),
    ([filtered("concept", "generalizes", "Dog")], ["animal", "mammal", "Dog"]),
    ([filtered("parent", "=", "mammal")], ["bat", "Dog"]),
    ([filtered("child", "=", "bat")], ["mammal", "bird"]),
    ([filtered("code", "in", "bat, rock")], ["bat", "rock"]),
    ([filtered("legs", "=", "2.0")], ["bird", "bat"]),
    ([filtered("legs", "in", "2,4")], ["mammal", "bird", "bat"]),
    ([filtered("group", "exists", "true")], ["mammal", "bird"]),
    ([filtered("inactive", "=", "true")], ["dodo"]),
    ([filtered("display", "regex", "D.*")], ["Dog", "dodo"]),
    ([{"concept": [{"code": "rock"}, {"code": "bat"}]}], ["rock", "bat"]),
    ([{"concept": [{"code": "bat"}]}, filtered("concept", "is-a", "bird")], ["bat", "bird", "dodo"]),
]


@pytest.mark.parametrize(("includes", "expected"), FILTERS, ids=lambda each: str(each)[:60])
async def test_a_value_set_expands_and_has_members(
    server: Server, includes: list[dict[str, Any]], expected: list[str]
) -> None:
    await load(server.services.store)
    await server.put(value_set(*includes))
    assert await expanded(server) == expected
    assert await expanded(server, offset="1", count="1") == expected[1:2]
    for code in ("animal", "mammal", "bird", "bat", "Dog", "dodo", "rock", "unicorn"):
        answer = await ask(server, "validate-code", "ValueSet", url=VS, system=URL, code=code)
        assert told(answer, "result") == [code in expected]


async def test_exclusion_intersection_and_activity(server: Server) -> None:
    await load(server.services.store)
    mammals = {**value_set(filtered("concept", "is-a", "mammal")), "id": "mammals", "url": f"{VS}-mammals"}
    await server.put(mammals)
    await server.put(value_set({"concept": [{"code": "dodo"}, {"code": "bird", "display": "Birdie"}]}, inactive=False))
    assert await expanded(server) == ["bird"]
    both = [{**filtered("concept", "is-a", "bird"), "valueSet": [f"{VS}-mammals"]}]
    await server.put(value_set(*both))
    assert await expanded(server) == ["bat"]
    listed = {"concept": [{"code": "Dog"}, {"code": "rock"}], "valueSet": [f"{VS}-mammals"]}
    await server.put(value_set(listed))
    assert await expanded(server) == ["Dog"]
    out = [{"system": URL, **filtered("concept", "is-a", "mammal")}, {"system": URL, "concept": [{"code": "dodo"}]}]
    await server.put(value_set({"concept": [{"code": "rock"}]}, filtered("concept", "is-a", "bird"), exclude=out))
    assert await expanded(server) == ["bird", "rock"]


async def test_an_expansion_is_narrowed_by_words_and_activity(server: Server) -> None:
    await load(server.services.store)
    await server.put(value_set({}))
    assert await expanded(server, filter="chauve") == ["bat"]
    assert await expanded(server, filter="d", activeOnly="true") == ["Dog"]
    assert await expanded(server, excludeNotForUI="true", filter="a") == []
    answer = await ask(server, "expand", "ValueSet", url=VS, filter="hund", includeDesignations="true")
    (entry,) = answer["expansion"]["contains"]
    assert entry["designation"] == [{"language": "fr", "value": "Chien"}, {"language": "de", "value": "Hund"}]
    assert answer["expansion"]["parameter"][-1] == {"name": "version", "valueUri": f"{URL}|1"}


async def test_an_expansion_that_is_too_large_says_how_to_ask(server: Server) -> None:
    await load(server.services.store)
    await server.put(value_set({}))
    server.limit(expansion_codes=3)
    refusal = await refused(server, "expand", "ValueSet", url=VS)
    assert isinstance(refusal, TooCostly)
    assert "ask for pages with count and offset, or for fewer codes with filter" in str(refusal)
    assert await expanded(server, count="3") == ["animal", "mammal", "bird"]


@pytest.mark.parametrize(
    ("include", "words"),
    [
        (filtered("concept", "is-a", "unicorn"), "names a code that the code system does not have"),
        (filtered("wings", "=", "2"), "names a property that the code system does not have"),
        (filtered("legs", "generalizes", "2"), "is not supported"),
        (filtered("display", "regex", "("), "has no regular expression"),
    ],
)
async def test_a_filter_that_cannot_be_followed_is_refused(server: Server, include: dict[str, Any], words: str) -> None:
    await load(server.services.store)
    refusal = await refused(server, "expand", "ValueSet", parameters(("valueSet", "resource", value_set(include))))
    assert isinstance(refusal, Unprocessable)
    assert words in str(refusal)


async def test_two_versions_do_not_go_together(server: Server) -> None:
    store = server.services.store
    await load(store)
    await load(store, Head(0, URL, "2", "Beasts"), edges=EDGES[:2])
    await server.put(value_set({"version": "1", **filtered("concept", "is-a", "bird")}))
    assert await expanded(server) == ["bird", "bat", "dodo"]
    await server.put(value_set(filtered("concept", "is-a", "bird")))
    assert await expanded(server) == ["bird"]
    await server.put(value_set({"version": "1"}, {"version": "2"}))
    assert isinstance(await refused(server, "expand", "ValueSet", url=VS), Unprocessable)


async def test_a_new_load_is_seen_at_once(server: Server) -> None:
    await load(server.services.store)
    await server.put(value_set(filtered("concept", "is-a", "bird")))
    assert await expanded(server) == ["bird", "bat", "dodo"]
    await load(server.services.store, edges=[("dodo", "bird")])
    assert await expanded(server) == ["bird", "dodo"]


def condition(id: str, code: str) -> dict[str, Any]:
    coding = {"system": URL, "code": code}
    return {
        "resourceType": "Condition",
        "id": id,
        "subject": {"reference": "Patient/1"},
        "code": {"coding": [coding]},
    }


async def found_by(server: Server, *query: tuple[str, str]) -> set[str]:
    bundle = content(await server.do("search", "Condition", query=query))
    return {each["resource"]["id"] for each in bundle.get("entry", ())}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("code:in", VS, {"bat", "dodo"}),
        ("code:not-in", VS, {"dog", "none"}),
        ("code:below", f"{URL}|bird", {"bat", "dodo"}),
        ("code:above", f"{URL}|bat", {"bat"}),
        ("code:below", f"{URL}|mammal", {"bat", "dog"}),
    ],
)
@pytest.mark.parametrize("few", [0, 200])
async def test_searches_use_what_is_loaded(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str, found: set[str], few: int
) -> None:
    monkeypatch.setattr("fhir_server.interactions.terminology.FEW", few)
    await load(server.services.store)
    await server.put(value_set(filtered("concept", "is-a", "bird")))
    for id, code in (("bat", "bat"), ("dodo", "DODO"), ("dog", "Dog"), ("none", "unicorn")):
        await server.put(condition(id, code))
    assert await found_by(server, (name, value)) == found


@pytest.mark.parametrize("query", [("code:below", f"{URL}|bird"), ("code:in", VS)])
async def test_searches_see_a_new_load_and_walks_end_with_it(server: Server, query: tuple[str, str]) -> None:
    await load(server.services.store)
    await server.put(value_set(filtered("concept", "is-a", "bird")))
    for code in ("bird", "bat", "dodo"):
        await server.put(condition(code, code))
    assert await found_by(server, query) == {"bird", "bat", "dodo"}
    first = content(await server.do("search", "Condition", query=[query, ("_count", "1")]))
    (following,) = [each["url"] for each in first["link"] if each["relation"] == "next"]
    pairs = parse_qsl(urlsplit(following).query)
    second = content(await server.do("search", "Condition", query=pairs))
    assert len(second["entry"]) == 1
    server.clock.advance(1)
    await load(server.services.store, edges=[("dodo", "bird")])
    assert await found_by(server, query) == {"bird", "dodo"}
    assert isinstance(await server.refusal("search", "Condition", query=pairs), Gone)


@pytest.mark.parametrize("few", [0, 200])
async def test_contained_resources_are_found_by_loaded_codes(
    server: Server, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("fhir_server.interactions.terminology.FEW", few)
    await load(server.services.store)
    for id, code in (("bat", "bat"), ("dog", "Dog")):
        inner = {**condition("inner", code), "subject": {"display": "somebody"}}
        await server.put(
            {
                "resourceType": "Encounter",
                "id": id,
                "status": "finished",
                "class": {"code": "AMB"},
                "contained": [inner],
                "diagnosis": [{"condition": {"reference": "#inner"}}],
            }
        )
    query = [("code:below", f"{URL}|bird"), ("_contained", "true")]
    bundle = content(await server.do("search", "Condition", query=query))
    assert [each["resource"]["id"] for each in bundle.get("entry", ())] == ["bat"]
