"""Asking operations of a server without HTTP, and reading what they answer."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import Refusal
from fhir_server.operations.registry import OPERATIONS
from tests.fakes.server import Server, content
from tests.fakes.terminology import ANIMALS

Json = dict[str, Any]


async def ask(server: Server, name: str, path: str = "", body: Json | None = None, /, **query: str) -> Json:
    """Return the answer of `$name` at `path`: by GET with a query, by POST with a `body`."""
    given = [(key.replace("__", "-"), value) for key, value in query.items()]
    call = server.call(path, query=given, resource=body)
    call.method = "POST" if body else "GET"
    result = await OPERATIONS[name].perform(call)
    assert result.status == 200
    found = content(result)
    assert not [issue for issue in server.services.validator.validate(found) if issue.is_error]
    return found


async def refused(server: Server, name: str, path: str = "", body: Json | None = None, /, **query: str) -> Refusal:
    """Return the refusal that `$name` must end with."""
    with pytest.raises(Refusal) as caught:
        await ask(server, name, path, body, **query)
    return caught.value


def parameters(*rows: tuple[str, str, Any]) -> Json:
    """Return Parameters of (name, element that holds the value, value)."""
    return {"resourceType": "Parameters", "parameter": [{"name": name, key: value} for name, key, value in rows]}


def told(answer: Json, name: str) -> list[Any]:
    """Return the values of a parameter in an answer; those with parts as {name: value}."""
    return [_value(each) for each in answer["parameter"] if each["name"] == name]


def _value(row: Json) -> Any:
    if "part" in row:
        return {each["name"]: _value(each) for each in row["part"]}
    return next(value for key, value in row.items() if key != "name")


def codes(answer: Json) -> list[str]:
    """Return the codes of an expansion, in order."""
    return [each["code"] for each in answer["expansion"].get("contains", [])]


def animals() -> Json:
    """Return the code system of animals as a resource to store, with displays and designations."""
    rows = [dict(each) for each in ANIMALS["concept"]]
    bird = {"code": "bird", "display": "Bird", "definition": "A feathered animal"}
    designations = [{"language": "fr", "value": "Oiseau"}, {"value": "Avian", "use": {"system": "urn:u", "code": "s"}}]
    rows = [{**bird, "designation": designations} if each["code"] == "bird" else each for each in rows]
    return {**ANIMALS, "id": "animals", "name": "Animals", "concept": rows}
