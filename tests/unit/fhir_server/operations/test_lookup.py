"""$lookup and $subsumes (http://hl7.org/fhir/R4/codesystem-operation-lookup.html)."""

from __future__ import annotations

import pytest

from fhir_server.errors import BadRequest, NotFound, Unprocessable
from tests.fakes.operating import animals, ask, parameters, refused, told
from tests.fakes.server import Server
from tests.fakes.terminology import SYSTEM

pytestmark = pytest.mark.anyio


async def test_everything_that_is_known_of_a_code_is_told(server: Server) -> None:
    await server.put(animals())
    answer = await ask(server, "lookup", "CodeSystem", system=SYSTEM, code="bird")
    assert [told(answer, each) for each in ("name", "version", "display")] == [["Animals"], ["2"], ["Bird"]]
    use = {"system": "urn:u", "code": "s"}
    assert told(answer, "designation") == [{"language": "fr", "value": "Oiseau"}, {"use": use, "value": "Avian"}]
    properties = [(each["code"], each["value"]) for each in told(answer, "property")]
    assert properties == [
        ("definition", "A feathered animal"),
        ("inactive", False),
        ("child", "dodo"),
        ("child", "owl"),
    ]


async def test_properties_are_those_asked_for(server: Server) -> None:
    await server.put(animals())
    answer = await ask(server, "lookup", "CodeSystem", system=SYSTEM, code="owl", property="parent")
    assert [each["value"] for each in told(answer, "property")] == ["bird", "flier"]


@pytest.mark.parametrize(
    ("query", "kind", "parameter"),
    [
        ({"system": "urn:none", "code": "x"}, NotFound, "system"),
        ({"system": SYSTEM, "code": "x"}, NotFound, "code"),
        ({"code": "x"}, BadRequest, "system"),
        ({"system": SYSTEM}, BadRequest, "code"),
        ({"system": SYSTEM, "code": "bird", "version": "7"}, NotFound, "system"),
    ],
)
async def test_what_is_not_there_is_refused(
    server: Server, query: dict[str, str], kind: type[Exception], parameter: str
) -> None:
    await server.put(animals())
    refusal = await refused(server, "lookup", "CodeSystem", **query)
    assert isinstance(refusal, kind)
    assert refusal.issues[0].expression == parameter


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ("bird", "bird", "equivalent"),
        ("bird", "owl", "subsumes"),
        ("owl", "flier", "subsumed-by"),
        ("owl", "mammal", "not-subsumed"),
    ],
)
async def test_how_two_codes_lie_to_each_other(server: Server, first: str, second: str, outcome: str) -> None:
    await server.put(animals())
    answer = await ask(server, "subsumes", "CodeSystem", system=SYSTEM, codeA=first, codeB=second)
    assert told(answer, "outcome") == [outcome]
    codings = [("codingA", "valueCoding", {"code": first}), ("codingB", "valueCoding", {"code": second})]
    assert told(await ask(server, "subsumes", "CodeSystem/animals", parameters(*codings)), "outcome") == [outcome]


async def test_subsumption_is_refused_where_it_means_nothing(server: Server) -> None:
    await server.put({**animals(), "hierarchyMeaning": "part-of"})
    query = {"codeA": "bird", "codeB": "owl"}
    assert isinstance(await refused(server, "subsumes", "CodeSystem", system=SYSTEM, **query), Unprocessable)
    assert isinstance(await refused(server, "subsumes", "CodeSystem", **query), BadRequest)
    assert isinstance(await refused(server, "subsumes", "CodeSystem", system=SYSTEM, codeA="bird"), BadRequest)
    rows = [(f"coding{x}", "valueCoding", {"system": f"urn:{x}", "code": "a"}) for x in "AB"]
    assert isinstance(await refused(server, "subsumes", "CodeSystem", parameters(*rows)), BadRequest)
