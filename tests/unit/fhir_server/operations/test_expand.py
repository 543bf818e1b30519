"""$expand (http://hl7.org/fhir/R4/valueset-operation-expand.html)."""

from __future__ import annotations

import pytest

from fhir_server.errors import BadRequest, Gone, NotFound, TooCostly, Unprocessable
from tests.fakes.operating import animals, ask, codes, parameters, refused
from tests.fakes.server import Server
from tests.fakes.terminology import SYSTEM, filtered, listed, value_set

pytestmark = pytest.mark.anyio

STATUS = "http://hl7.org/fhir/ValueSet/observation-status"
URL = "http://example.org/ValueSet/"


async def test_a_value_set_of_the_standard_is_expanded_on_an_empty_store(server: Server) -> None:
    answer = await ask(server, "expand", "ValueSet", url=STATUS)
    assert codes(answer) == [
        *("registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown")
    ]
    assert answer["expansion"]["total"] == 8
    final = {"system": "http://hl7.org/fhir/observation-status", "code": "final", "display": "Final"}
    assert answer["expansion"]["contains"][2] == final


async def test_pages_follow_one_another_in_one_order(server: Server) -> None:
    pages = [await ask(server, "expand", "ValueSet", url=STATUS, offset=str(at), count="3") for at in (0, 3, 6)]
    assert [len(codes(page)) for page in pages] == [3, 3, 2]
    assert [code for page in pages for code in codes(page)] == codes(
        await ask(server, "expand", "ValueSet", url=STATUS)
    )
    assert len({page["expansion"]["identifier"] for page in pages}) == 1
    assert pages[1]["expansion"]["offset"] == 3
    none = await ask(server, "expand", "ValueSet", url=STATUS, count="0")
    assert (none["expansion"]["total"], codes(none)) == (8, [])


async def test_text_filters_by_the_beginnings_of_words(server: Server) -> None:
    assert codes(await ask(server, "expand", "ValueSet", url=STATUS, filter="ERR ent")) == ["entered-in-error"]
    assert codes(await ask(server, "expand", "ValueSet", url=STATUS, filter="rror")) == []


async def test_designations_languages_and_inactive_codes(server: Server) -> None:
    await server.put(animals())
    await server.put({**value_set("birds", filtered("concept", "is-a", "bird")), "id": "birds"})
    answer = await ask(server, "expand", "ValueSet/birds", includeDesignations="true", displayLanguage="fr")
    bird = answer["expansion"]["contains"][0]
    assert (bird["code"], bird["display"], len(bird["designation"])) == ("bird", "Oiseau", 2)
    assert answer["expansion"]["contains"][2] == {"system": SYSTEM, "inactive": True, "code": "dodo"}
    assert codes(await ask(server, "expand", "ValueSet/birds", activeOnly="true")) == ["bird", "owl"]
    assert codes(await ask(server, "expand", "ValueSet/birds", exclude__system=SYSTEM)) == []
    assert codes(await ask(server, "expand", "ValueSet", url=f"{URL}birds", filter="oiseau")) == ["bird"]
    french = await ask(server, "expand", "ValueSet/birds", designation="urn:ietf:bcp:47|fr")
    assert french["expansion"]["contains"][0]["designation"] == [{"language": "fr", "value": "Oiseau"}]


async def test_codes_are_nested_where_that_is_asked_for(server: Server) -> None:
    await server.put(animals())
    await server.put({**value_set("all", {"system": SYSTEM}), "id": "all"})
    answer = await ask(server, "expand", "ValueSet/all", excludeNested="false")
    assert codes(answer) == ["mammal", "flier", "bird"]
    assert [each["code"] for each in answer["expansion"]["contains"][2]["contains"]] == ["owl", "dodo"]


async def test_a_value_set_may_come_with_the_request(server: Server) -> None:
    inline = value_set("colours", listed("urn:colours", "red", "blue"))
    assert codes(await ask(server, "expand", "ValueSet", inline)) == ["red", "blue"]
    body = parameters(("valueSet", "resource", inline), ("count", "valueInteger", 1))
    assert codes(await ask(server, "expand", "ValueSet", body)) == ["red"]


async def test_what_changes_in_the_store_changes_the_answer(server: Server) -> None:
    await server.put({**value_set("c", listed("urn:c", "red")), "id": "c"})
    assert codes(await ask(server, "expand", "ValueSet", url=f"{URL}c")) == ["red"]
    await server.put({**value_set("c", listed("urn:c", "blue")), "id": "c"})
    assert codes(await ask(server, "expand", "ValueSet", url=f"{URL}c")) == ["blue"]
    await server.do("delete", "ValueSet/c")
    assert isinstance(await refused(server, "expand", "ValueSet", url=f"{URL}c"), NotFound)
    assert isinstance(await refused(server, "expand", "ValueSet/c"), Gone)


@pytest.mark.parametrize(
    ("query", "kind", "parameter"),
    [
        ({}, BadRequest, "url"),
        ({"url": ""}, BadRequest, "url"),
        ({"url": STATUS, "cuont": "1"}, BadRequest, "cuont"),
        ({"url": STATUS, "count": "x"}, BadRequest, "count"),
        ({"url": STATUS, "offset": "-1"}, BadRequest, "offset"),
        ({"url": STATUS, "activeOnly": "yes"}, BadRequest, "activeOnly"),
        ({"url": STATUS, "date": "2020"}, BadRequest, "date"),
        ({"url": STATUS, "valueSet": "x"}, BadRequest, "valueSet"),
        ({"url": STATUS, "designation": "fr"}, BadRequest, "designation"),
        ({"url": STATUS, "valueSetVersion": "9"}, NotFound, "url"),
        ({"url": f"{URL}none"}, NotFound, "url"),
        ({"url": "http://hl7.org/fhir/ValueSet/condition-code"}, Unprocessable, "url"),
    ],
)
async def test_bad_input_is_refused_by_the_name_of_the_parameter(
    server: Server, query: dict[str, str], kind: type[Exception], parameter: str
) -> None:
    refusal = await refused(server, "expand", "ValueSet", **query)
    assert isinstance(refusal, kind)
    assert refusal.issues[0].expression == parameter


async def test_too_many_codes_are_refused_with_the_way_out(server: Server) -> None:
    server.limit(expansion_codes=5)
    refusal = await refused(server, "expand", "ValueSet", url=STATUS)
    assert isinstance(refusal, TooCostly)
    assert "count and offset" in str(refusal)
    assert len(codes(await ask(server, "expand", "ValueSet", url=STATUS, count="5"))) == 5


async def test_a_body_that_is_no_valid_resource_is_refused(server: Server) -> None:
    broken = {"resourceType": "ValueSet", "status": "active", "compose": {"include": "x"}}
    assert isinstance(await refused(server, "expand", "ValueSet", broken), BadRequest)
    catastrophic = value_set("bad", filtered("code", "regex", "(a|aa)+$"))
    await server.put({**animals(), "concept": [{"code": "a" * 60 + "!"}]})
    assert isinstance(await refused(server, "expand", "ValueSet", catastrophic), Unprocessable)
