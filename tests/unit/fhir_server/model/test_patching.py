"""JSON Patch: the examples of RFC 6902's appendix A on resources, and what FHIR adds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.model.patching import json_patch

Json = dict[str, Any]


def patched(content: Json, *operations: Json) -> Json:
    """Return the content after the patch, without the identity every resource has."""
    before = {"resourceType": "Basic", "id": "1", **content}
    after = json_patch(before, list(operations))
    assert before == {"resourceType": "Basic", "id": "1", **content}
    return {name: value for name, value in after.items() if name not in ("resourceType", "id")}


def op(op: str, path: str, **members: Any) -> Json:
    return {"op": op, "path": path, **members}


CASES: list[tuple[Json, Json, Json]] = [
    ({"foo": "bar"}, op("add", "/baz", value="qux"), {"foo": "bar", "baz": "qux"}),
    ({"foo": ["bar", "baz"]}, op("add", "/foo/1", value="qux"), {"foo": ["bar", "qux", "baz"]}),
    ({"baz": "qux", "foo": "bar"}, op("remove", "/baz"), {"foo": "bar"}),
    ({"foo": ["bar", "qux", "baz"]}, op("remove", "/foo/1"), {"foo": ["bar", "baz"]}),
    ({"baz": "qux", "foo": "bar"}, op("replace", "/baz", value="boo"), {"baz": "boo", "foo": "bar"}),
    (
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        {"op": "move", "from": "/foo/waldo", "path": "/qux/thud"},
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    (
        {"foo": ["all", "grass", "cows", "eat"]},
        {"op": "move", "from": "/foo/1", "path": "/foo/3"},
        {"foo": ["all", "cows", "eat", "grass"]},
    ),
    ({"baz": "qux", "foo": ["a", 2, "c"]}, op("test", "/foo/1", value=2), {"baz": "qux", "foo": ["a", 2, "c"]}),
    ({"foo": "bar"}, op("add", "/child", value={"grandchild": {}}), {"foo": "bar", "child": {"grandchild": {}}}),
    ({"foo": "bar"}, op("add", "/baz", value="qux", xyz=123), {"foo": "bar", "baz": "qux"}),
    ({"/": 9, "~1": 10}, op("test", "/~01", value=10), {"/": 9, "~1": 10}),
    ({"/": 9, "~1": 10}, op("replace", "/~1", value=1), {"/": 1, "~1": 10}),
    ({"foo": ["bar"]}, op("add", "/foo/-", value=["abc", "def"]), {"foo": ["bar", ["abc", "def"]]}),
    ({"foo": ["a"]}, op("add", "/foo/1", value="b"), {"foo": ["a", "b"]}),
    ({"foo": 1}, op("add", "/foo", value=2), {"foo": 2}),
    ({"": 1}, op("replace", "/", value=2), {"": 2}),
    ({"foo": {"bar": 1}}, {"op": "copy", "from": "/foo", "path": "/baz"}, {"foo": {"bar": 1}, "baz": {"bar": 1}}),
    ({"foo": ["a", "b"]}, {"op": "copy", "from": "/foo/0", "path": "/foo/-"}, {"foo": ["a", "b", "a"]}),
    ({"foo": "a"}, {"op": "move", "from": "/foo", "path": "/foo"}, {"foo": "a"}),
    ({"foo": Decimal("1.10")}, op("test", "/foo", value=Decimal("1.1")), {"foo": Decimal("1.10")}),
    ({"foo": 1}, op("test", "/foo", value=Decimal("1.0")), {"foo": 1}),
    ({"foo": {"a": 1, "b": [None]}}, op("test", "/foo", value={"b": [None], "a": 1}), {"foo": {"a": 1, "b": [None]}}),
]


@pytest.mark.parametrize(("before", "operation", "after"), CASES)
def test_an_operation_does_what_the_rfc_says(before: Json, operation: Json, after: Json) -> None:
    assert patched(before, operation) == after


FAILURES: list[tuple[Json, Json, str]] = [
    ({"baz": "qux"}, op("test", "/baz", value="bar"), "another one"),
    ({"~1": 10}, op("test", "/~01", value="10"), "another one"),
    ({"foo": True}, op("test", "/foo", value=1), "another one"),
    ({"foo": 1}, op("test", "/foo", value=True), "another one"),
    ({"foo": [1]}, op("test", "/foo", value=[1, 2]), "another one"),
    ({"foo": "bar"}, op("add", "/baz/bat", value="qux"), "nothing at /baz"),
    ({"foo": "bar"}, op("add", "/foo/bat", value="qux"), "neither an object nor an array"),
    ({"foo": ["a"]}, op("add", "/foo/2", value="b"), "none at index 2"),
    ({"foo": ["a"]}, op("add", "/foo/01", value="b"), "leading zeros"),
    ({"foo": ["a"]}, op("add", "/foo/x", value="b"), "number"),
    ({"foo": ["a"]}, op("add", "/foo/-1", value="b"), "number"),
    ({"foo": ["a"]}, op("add", "/foo/" + "9" * 5000, value="b"), "number"),
    ({"foo": ["a"]}, op("remove", "/foo/-"), "only add"),
    ({"foo": ["a"]}, op("remove", "/foo/1"), "none at index 1"),
    ({"foo": "a"}, op("remove", "/bar"), "nothing at /bar"),
    ({"foo": "a"}, op("remove", ""), "whole resource"),
    ({"foo": "a"}, op("replace", "/bar", value=1), "nothing at /bar"),
    ({"foo": "a"}, {"op": "move", "from": "/bar", "path": "/foo"}, "nothing at /bar"),
    ({"foo": "a"}, {"op": "copy", "from": "/bar", "path": "/foo"}, "nothing at /bar"),
]


@pytest.mark.parametrize(("before", "operation", "words"), FAILURES)
def test_an_operation_that_cannot_be_performed_refuses_the_patch(before: Json, operation: Json, words: str) -> None:
    with pytest.raises(Unprocessable, match=words) as refused:
        patched(before, op("add", "/first", value=1), operation)
    assert "Operation 1 of the patch" in refused.value.issues[0].message
    assert refused.value.issues[0].expression == "[1]"


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        ({"op": "add"}, "array"),
        ("text", "array"),
        (["text"], "not an object"),
        ([{}], "string path"),
        ([{"op": "add", "path": "/a"}], "needs a value"),
        ([{"op": "jump", "path": "/a"}], "op other than"),
        ([{"path": "/a"}], "op other than"),
        ([{"op": "remove", "path": "a"}], "no JSON Pointer"),
        ([{"op": "remove", "path": "/a~2"}], "no JSON Pointer"),
        ([{"op": "remove", "path": 1}], "string path"),
        ([{"op": "move", "path": "/a"}], "string from"),
        ([{"op": "move", "path": "/a/b", "from": "/a"}], "into itself"),
        ([{"op": ["add"], "path": "/a"}], "op other than"),
    ],
)
def test_what_is_not_a_json_patch_is_refused(operations: Any, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        json_patch({"resourceType": "Basic"}, operations)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (op("replace", "/id", value="2"), "changes id"),
        (op("remove", "/id"), "changes id"),
        (op("replace", "/resourceType", value="Patient"), "changes resourceType"),
        (op("replace", "", value={"resourceType": "Basic"}), "changes id"),
        (op("replace", "", value=[]), "not an object"),
    ],
)
def test_type_and_id_stay(operation: Json, words: str) -> None:
    with pytest.raises(Unprocessable, match=words):
        patched({}, operation)


def test_the_whole_resource_may_be_replaced_by_one_of_the_same_identity() -> None:
    assert patched({"a": 1}, op("add", "", value={"resourceType": "Basic", "id": "1", "b": 2})) == {"b": 2}


def test_a_patched_value_is_not_shared_with_the_operations() -> None:
    value = {"x": [1]}
    operations = [op("add", "/a", value=value), op("add", "/a/x/-", value=2), op("add", "/b", value=value)]
    assert patched({}, *operations) == {"a": {"x": [1, 2]}, "b": {"x": [1]}}
    assert value == {"x": [1]}


def test_what_removals_leave_empty_goes_too() -> None:
    before = {"name": [{"given": ["a"]}], "contact": [{"name": {"text": "b"}}, {"gender": "male"}], "kept": {}}
    operations = [op("remove", "/name/0/given/0"), op("remove", "/contact/0/name/text")]
    assert patched(before, *operations) == {"contact": [{"gender": "male"}], "kept": {}}
    assert patched({"a": [1]}, op("remove", "/a/0"), op("add", "/a/-", value=2)) == {"a": [2]}


def test_copies_cannot_grow_without_bound() -> None:
    doubling = [{"op": "copy", "from": "/a", "path": "/a/-"} for _ in range(1000)]
    with pytest.raises(Unprocessable, match=r"levels|MiB"):
        patched({"a": [["x" * 1000]]}, *doubling)
    wide = [{"op": "copy", "from": "/a", "path": f"/{n}"} for n in range(1000)]
    with pytest.raises(Unprocessable, match="MiB"):
        patched({"a": ["x" * 1_000_000]}, *wide)


def test_a_patch_cannot_build_what_nests_too_deep() -> None:
    deep: Any = 1
    for _ in range(150):
        deep = [deep]
    with pytest.raises(Unprocessable, match=r"Operation 1 .*deeper than 200"):
        patched({}, op("add", "/a", value=deep), op("add", "/a" + "/0" * 100, value=deep))
