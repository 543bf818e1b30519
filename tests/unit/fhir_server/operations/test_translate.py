"""$translate (http://hl7.org/fhir/R4/conceptmap-operation-translate.html)."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import BadRequest, NotFound, Unprocessable
from tests.fakes.operating import ask, parameters, refused, told
from tests.fakes.server import Server

pytestmark = pytest.mark.anyio

URL = "http://example.org/ConceptMap/c"
DEPENDENT = {
    "code": "vin",
    "equivalence": "narrower",
    "comment": "With fish only",
    "dependsOn": [{"property": "urn:meal", "system": "urn:m", "value": "fish"}],
    "product": [{"property": "urn:glass", "system": "urn:g", "value": "small"}],
}


def concept_map(unmapped: dict[str, Any] | None = None, id: str = "c", **more: Any) -> dict[str, Any]:
    elements = [
        {"code": "red", "target": [{"code": "rouge", "display": "Rouge", "equivalence": "equivalent"}]},
        {"code": "wine", "target": [{"code": "boisson", "equivalence": "wider"}, DEPENDENT]},
        {"code": "none", "target": [{"equivalence": "unmatched"}]},
    ]
    group: dict[str, Any] = {"source": "urn:en", "target": "urn:fr", "element": elements}
    group |= {"unmapped": unmapped} if unmapped else {}
    made = {"resourceType": "ConceptMap", "id": id, "url": f"http://example.org/ConceptMap/{id}", "status": "active"}
    return made | {"group": [group]} | more


async def matches(server: Server, path: str = "ConceptMap", /, **query: str) -> list[tuple[str, str | None]]:
    answer = await ask(server, "translate", path, **{"system": "urn:en", **query})
    found = told(answer, "match")
    assert told(answer, "result") == [any(each["equivalence"] != "unmatched" for each in found)]
    return [(each["equivalence"], each.get("concept", {}).get("code")) for each in found]


async def test_a_code_is_translated_by_a_map_or_by_all_there_are(server: Server) -> None:
    await server.put(concept_map())
    assert await matches(server, url=URL, code="red") == [("equivalent", "rouge")]
    assert await matches(server, "ConceptMap/c", code="red") == [("equivalent", "rouge")]
    assert await matches(server, code="red", targetsystem="urn:fr") == [("equivalent", "rouge")]
    assert await matches(server, code="red", targetsystem="urn:de") == []
    assert await matches(server, url=URL, code="none") == [("unmatched", None)]
    assert await matches(server, url=URL, code="blue") == []


async def test_a_map_is_read_backwards(server: Server) -> None:
    await server.put(concept_map())
    for query in ({"url": URL}, {}):
        assert await matches(server, system="urn:fr", code="boisson", reverse="true", **query) == [("narrower", "wine")]


@pytest.mark.parametrize(
    ("unmapped", "found"),
    [
        ({"mode": "provided"}, [("equal", "blue")]),
        ({"mode": "fixed", "code": "autre"}, [("relatedto", "autre")]),
        ({"mode": "other-map", "url": "http://example.org/ConceptMap/d"}, [("equal", "blue")]),
    ],
)
async def test_what_a_map_lacks_is_unmapped_as_it_says(
    server: Server, unmapped: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    await server.put(concept_map(unmapped))
    await server.put(concept_map({"mode": "provided"}, "d"))
    assert await matches(server, url=URL, code="blue") == found


async def test_dependencies_are_respected_and_products_carried(server: Server) -> None:
    await server.put(concept_map())
    assert await matches(server, url=URL, code="wine") == [("wider", "boisson")]
    fish = {"coding": [{"system": "urn:m", "code": "fish"}]}
    part = [{"name": "element", "valueUri": "urn:meal"}, {"name": "concept", "valueCodeableConcept": fish}]
    coding = {"system": "urn:en", "code": "wine"}
    body = parameters(("url", "valueUri", URL), ("coding", "valueCoding", coding), ("dependency", "part", part))
    _, second = told(await ask(server, "translate", "ConceptMap", body), "match")
    product = {"element": "urn:glass", "concept": {"system": "urn:g", "code": "small"}}
    concept = {"system": "urn:fr", "code": "vin"}
    assert second == {"equivalence": "narrower", "concept": concept, "product": product, "source": URL}


async def test_bad_input_is_refused(server: Server) -> None:
    await server.put(concept_map({"mode": "other-map", "url": URL}))
    assert isinstance(await refused(server, "translate", "ConceptMap", url=URL), BadRequest)
    assert isinstance(await refused(server, "translate", "ConceptMap", url=URL, code="x"), BadRequest)
    unknown = await refused(server, "translate", "ConceptMap", url="urn:none", code="x", system="urn:en")
    assert isinstance(unknown, NotFound)
    assert unknown.issues[0].expression == "url"
    circle = await refused(server, "translate", "ConceptMap", url=URL, code="x", system="urn:en")
    assert isinstance(circle, Unprocessable)
