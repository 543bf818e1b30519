"""Laws of the two patches."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, Refusal
from fhir_server.model.fhirpath_patch import fhirpath_patch
from fhir_server.model.patching import json_patch

Json = dict[str, Any]
NAMES = st.sampled_from(("a", "b", "~", "/", "", "~1"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.decimals(-1, 1, places=2) | st.text("xy", max_size=2),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(NAMES, inside, max_size=3),
    max_leaves=8,
)
RESOURCES = st.dictionaries(NAMES, VALUES, max_size=3).map(
    lambda content: {"resourceType": "Basic", "id": "1", **content}
)
POINTERS = st.lists(st.sampled_from(("a", "b", "~0", "~1", "", "~01", "0", "1", "-")), min_size=1, max_size=4).map(
    lambda parts: "".join("/" + part for part in parts)
)
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(("add", "remove", "replace", "move", "copy", "test")), "path": POINTERS},
        optional={"value": VALUES, "from": POINTERS},
    ),
    max_size=4,
)


@given(RESOURCES, OPERATIONS)
def test_a_patch_applies_wholly_or_is_refused_and_never_touches_its_input(
    resource: Json, operations: list[Json]
) -> None:
    before, asked = deepcopy(resource), deepcopy(operations)
    try:
        after = json_patch(resource, operations)
    except Refusal:
        after = {"resourceType": "Basic", "id": "1"}
    assert (after["resourceType"], after["id"]) == ("Basic", "1")
    assert resource == before
    assert operations == asked


@given(RESOURCES, NAMES, VALUES)
def test_what_was_added_tests_equal_and_can_be_taken_away_again(resource: Json, name: str, value: Any) -> None:
    path = "/" + name.replace("~", "~0").replace("/", "~1")
    add = {"op": "add", "path": path, "value": value}
    test = {"op": "test", "path": path, "value": value}
    assert json_patch(resource, [add, test])[name] == value
    without = {key: each for key, each in resource.items() if key != name}
    assert json_patch(resource, [add, test, {"op": "remove", "path": path}]) == without


@given(RESOURCES, NAMES, NAMES)
def test_moving_there_and_back_changes_nothing(resource: Json, source: str, target: str) -> None:
    if source not in resource or target in resource:
        return
    here, there = ("/" + name.replace("~", "~0").replace("/", "~1") for name in (source, target))
    moves = [{"op": "move", "from": here, "path": there}, {"op": "move", "from": there, "path": here}]
    assert json_patch(resource, moves) == resource


@given(RESOURCES)
def test_replacing_each_value_by_itself_changes_nothing(resource: Json) -> None:
    def pointers(value: Any, path: str) -> list[Json]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        found = [{"op": "replace", "path": path, "value": value}] if path else []
        for key, each in items:
            found += pointers(each, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")
        return found

    assert json_patch(resource, pointers(resource, "")) == resource


TEXTS = st.lists(st.sampled_from("abc"), min_size=1, max_size=5)


def parameters(*operations: tuple[str, str, Json]) -> Json:
    return {
        "resourceType": "Parameters",
        "parameter": [
            {
                "name": "operation",
                "part": [
                    {"name": "type", "valueCode": type},
                    {"name": "path", "valueString": path},
                    *({"name": name, **value} for name, value in parts.items()),
                ],
            }
            for type, path, parts in operations
        ],
    }


@given(TEXTS, st.data())
def test_lists_of_equal_strings_are_edited_at_the_right_place(texts: list[str], data: st.DataObject) -> None:
    """Insert, move, replace and delete do to `given` what a Python list does, whatever strings are alike."""
    patient = {"resourceType": "Patient", "id": "1", "name": [{"given": list(texts)}, {"given": ["a"]}]}
    expected, operations = list(texts), []
    for _ in range(data.draw(st.integers(1, 5))):
        at, to = (data.draw(st.integers(0, len(expected) - 1)) for _ in range(2))
        kind = data.draw(st.sampled_from(("insert", "move", "replace", "delete") if len(expected) > 1 else ("insert",)))
        if kind == "insert":
            expected.insert(at, "n")
            operations.append(
                (kind, "Patient.name[0].given", {"index": {"valueInteger": at}, "value": {"valueString": "n"}})
            )
        elif kind == "move":
            expected.insert(to, expected.pop(at))
            parts = {"source": {"valueInteger": at}, "destination": {"valueInteger": to}}
            operations.append((kind, "Patient.name[0].given", parts))
        elif kind == "replace":
            expected[at] = "r"
            operations.append((kind, f"Patient.name[0].given[{at}]", {"value": {"valueString": "r"}}))
        else:
            del expected[at]
            operations.append((kind, f"Patient.name[0].given[{at}]", {}))
    after = fhirpath_patch(patient, parameters(*operations))
    assert after["name"] == [{"given": expected}, {"given": ["a"]}]


@given(VALUES)
def test_a_malformed_fhirpath_patch_is_refused_as_such(value: Any) -> None:
    for each in (value, [value], [{"name": "operation", "part": value}], [{"name": "operation", "part": [value]}]):
        with pytest.raises(BadRequest):
            fhirpath_patch({"resourceType": "Patient", "id": "1"}, {"resourceType": "Parameters", "parameter": each})
