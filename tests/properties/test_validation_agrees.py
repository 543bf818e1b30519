"""The schema and the walker say the same of any resource, however it is bent; two libraries agree on the schema."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.definitions import resource_types
from profiles.validation.schema import resource_schema
from profiles.validation.structure import structure_issues
from profiles.validation.tables import shape
from tests.fakes.generated import generated_resource
from tests.fakes.shared import SHARED_DATA, r4_examples

Json = dict[str, Any]

TEXTS = [
    *["", " ", "a", "a  b", "a ", "a\n", "\u00a0", "\x0b", "2024", "2024-02-29", "2023-02-29", "0000", "10:00:00"],
    *["2024-02-29T10:00:00Z", "Patient/1", "Patient/1/_history/2", "Foo/1", "#a", "#", "Patient?identifier=a"],
    *[
        "http://a/Group/1",
        "urn:uuid:1",
        "urn:oid:1.2",
        "YQ==",
        "YQ",
        "active",
        "final",
        "text/plain",
        "xml",
        "EUR",
        "mg",
    ],
    *["Patient", "Observation", "http://hl7.org/fhir/StructureDefinition/Patient"],
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.sampled_from([Decimal("1.0"), Decimal("0.5"), Decimal("1E400"), 0, -1, 2**31, 2**31 - 1, -(2**31)]),
    st.text(max_size=12).filter(lambda text: text.isprintable() or text.isascii()),
    st.sampled_from(TEXTS),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["id", "extension", "url", "value", "code", "valueString", "x"]), inner, max_size=3
        ),
    ),
    max_leaves=6,
)
NAMES = [
    "id",
    "_id",
    "extension",
    "url",
    "_url",
    "unknown",
    "valueString",
    "_valueString",
    "valueInteger",
    "comparator",
    "",
]


@cache
def compiled(type_name: str) -> jsonschema_rs.Draft4Validator:
    return jsonschema_rs.Draft4Validator(resource_schema(type_name), validate_formats=False)


@cache
def examples() -> list[Json]:
    """Return the resources to bend: the official examples and what is inside them, where the data is there."""
    found = list(r4_examples()) if SHARED_DATA.is_dir() else []
    return found + [generated_resource(seed) for seed in range(300)]


def holders(node: Any) -> Iterator[Any]:
    """Yield every object and array of `node`."""
    if isinstance(node, dict | list):
        yield node
        for each in node.values() if isinstance(node, dict) else node:
            yield from holders(each)


def bend(resource: Json, random: Random, draw: Any) -> None:
    """Change one place of `resource`."""
    holder = random.choice(list(holders(resource)))
    if isinstance(holder, list):
        index = random.randrange(len(holder) or 1)
        action = random.choice(["replace", "drop", "double", "null"])
        if action == "drop":
            del holder[index : index + 1]
        elif action == "double" and holder:
            holder.insert(index, copy.deepcopy(holder[index]))
        else:
            holder[index : index + 1] = [None if action == "null" else draw(JSON)]
        return
    keys = [key for key in holder if key != "resourceType"]
    key = random.choice(keys) if keys else "id"
    action = random.choice(["replace", "drop", "add", "list", "unlist", "sibling", "move", "only id", "known"])
    value = holder.get(key)
    if action == "replace":
        holder[key] = draw(JSON)
    elif action == "drop":
        holder.pop(key, None)
    elif action == "add":
        holder[random.choice(NAMES)] = draw(JSON)
    elif action == "list":
        holder[key] = [value]
    elif action == "unlist" and isinstance(value, list) and value:
        holder[key] = value[0]
    elif action == "sibling":
        sibling = random.choice(
            [{"id": "a"}, {"extension": [{"url": "http://a", "valueInteger": 1}]}, {}, None, [None]]
        )
        holder[f"_{key}"] = [sibling] if isinstance(value, list) else sibling
    elif action == "move":
        holder[random.choice(list(shape(resource["resourceType"]).properties))] = holder.pop(key, None)
    elif action == "known":
        holder[random.choice(list(shape(resource["resourceType"]).properties))] = draw(JSON)
    elif action == "only id" and "resourceType" not in holder:
        holder.clear()
        holder["id"] = "a"


def beyond_the_schema(node: Any) -> bool:
    """Whether `node` has one of the rare forms that the schema leaves to the walker (see `schema`)."""
    for each in holders(node):
        if not isinstance(each, dict):
            continue
        siblings = [value for name, value in each.items() if name[:1] == "_"]
        if any(isinstance(value, list) or (isinstance(value, dict) and "extension" not in value) for value in siblings):
            return True
        if siblings and "url" in each:
            return True
        if "type" in each and set(each) <= {"id", "extension", "reference", "type", "identifier", "display"}:
            return True
    return False


def check(resource: Json) -> bool:
    """Assert that both roads agree on `resource`; return what they say."""
    name = resource["resourceType"]
    fast = compiled(name).is_valid(resource)
    issues = structure_issues(resource, name, name)
    if fast:
        assert not issues, issues[:3]
    elif not beyond_the_schema(resource):
        assert issues, next(iter(compiled(name).iter_errors(resource))).message
    assert all(issue.is_error and issue.expression and issue.message.endswith((".", "?")) for issue in issues)
    return not issues


@pytest.mark.parametrize("type_name", resource_types())
def test_a_resource_with_nothing_in_it_is_the_same_to_both(type_name: str) -> None:
    assert check({"resourceType": type_name}) is (shape(type_name).required == ())


def test_generated_resources_are_right_by_both_roads() -> None:
    wrong = [seed for seed in range(1500) if not check(generated_resource(seed))]

    assert wrong == []


@settings(max_examples=1500, deadline=None)
@given(st.data())
def test_both_roads_agree_on_bent_resources(data: st.DataObject) -> None:
    random = Random(data.draw(st.integers(0, 2**32)))
    resource = copy.deepcopy(random.choice(examples()))
    for _ in range(random.choice([1, 1, 2, 4])):
        bend(resource, random, data.draw)

    check(resource)


def for_python(node: Any) -> Any:
    """Return a schema whose patterns end where Python's engine must end too: `$` also matches before a last newline."""
    if isinstance(node, dict):
        return {
            key: value[:-1] + r"\Z"
            if key == "pattern" and isinstance(value, str) and value.endswith(")$")
            else for_python(value)
            for key, value in node.items()
        }
    return [for_python(each) for each in node] if isinstance(node, list) else node


@cache
def oracle(type_name: str) -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator(for_python(resource_schema(type_name)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_python_library_reads_the_schema_like_the_rust_one(data: st.DataObject) -> None:
    random = Random(data.draw(st.integers(0, 2**32)))
    resource = generated_resource(random.randrange(300))
    if random.random() < 0.7:
        bend(resource, random, data.draw)

    assert oracle(resource["resourceType"]).is_valid(resource) is compiled(resource["resourceType"]).is_valid(resource)
