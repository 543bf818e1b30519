"""$closure (http://hl7.org/fhir/R4/terminology-service.html#closure)."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import BadRequest, NotFound, Unprocessable
from tests.fakes.operating import animals, ask, parameters, refused
from tests.fakes.server import Server
from tests.fakes.terminology import SYSTEM

pytestmark = pytest.mark.anyio


def body(*codes: str, name: str = "pets", version: str | None = None) -> dict[str, Any]:
    rows = [("concept", "valueCoding", {"system": SYSTEM, "code": code}) for code in codes]
    more = [("version", "valueString", version)] if version is not None else []
    return parameters(("name", "valueString", name), *rows, *more)


def pairs(answer: dict[str, Any]) -> set[tuple[str, str]]:
    elements = [element for group in answer.get("group", []) for element in group["element"]]
    assert {each["equivalence"] for element in elements for each in element["target"]} <= {"subsumes"}
    return {(element["code"], each["code"]) for element in elements for each in element["target"]}


async def test_a_table_grows_by_what_is_new_and_can_be_replayed(server: Server) -> None:
    await server.put(animals())
    begun = await ask(server, "closure", "", body())
    assert (begun["version"], begun["name"]) == ("0", "Closure Table pets Creation")
    first = await ask(server, "closure", "", body("owl", "bird"))
    assert (first["version"], pairs(first)) == ("1", {("owl", "bird")})
    second = await ask(server, "closure", "", body("flier", "bird"))
    assert (second["version"], pairs(second)) == ("2", {("owl", "flier")})
    again = await ask(server, "closure", "", body("bird"))
    assert (again["version"], pairs(again)) == ("2", set())
    assert pairs(await ask(server, "closure", "", body(version="1"))) == {("owl", "flier")}
    assert pairs(await ask(server, "closure", "", body(version="0"))) == {("owl", "bird"), ("owl", "flier")}
    assert (await ask(server, "closure", "", body()))["version"] == "0"
    assert pairs(await ask(server, "closure", "", body(version="0"))) == set()


async def test_a_table_is_begun_again_when_its_code_system_has_changed(server: Server) -> None:
    await server.put(animals())
    await ask(server, "closure", "", body())
    await ask(server, "closure", "", body("owl"))
    await server.put({**animals(), "concept": [{"code": "owl"}, {"code": "bird"}]})
    refusal = await refused(server, "closure", "", body("bird"))
    assert isinstance(refusal, Unprocessable)
    assert "must be reinitialized" in str(refusal)


async def test_bad_input_is_refused(server: Server) -> None:
    await server.put(animals())
    assert isinstance(await refused(server, "closure", "", body("owl")), NotFound)
    assert isinstance(await refused(server, "closure", "", body(name="a b")), BadRequest)
    await ask(server, "closure", "", body())
    assert isinstance(await refused(server, "closure", "", body(version="9")), BadRequest)
    assert isinstance(await refused(server, "closure", "", body("owl", version="0")), BadRequest)
    assert isinstance(await refused(server, "closure", "", body("unicorn")), Unprocessable)
    assert isinstance(await refused(server, "closure", "", parameters()), BadRequest)
