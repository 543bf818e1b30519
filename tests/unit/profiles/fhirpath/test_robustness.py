"""Whatever the text and whatever the resource, the outcome is a result or a FhirPathError."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.fhirpath.engine import Environment, compile_expression
from profiles.fhirpath.errors import FhirPathError
from profiles.fhirpath.functions.registry import RULES

PIECES = [
    *"()[]{}.,|=~<>+-*/&",
    *["!=", "!~", "<=", ">=", "and", "or", "xor", "implies", "in", "contains", "is", "as", "div", "mod"],
    *["name", "given", "period", "value", "extension", "birthDate", "Patient", "Quantity", "String", "System.Integer"],
    *["1", "2.50", "0", "99999999999", "'a'", "''", "'1'", "true", "false", "{}", "4 days", "3 'mg'", "1 'x'"],
    *["@2015", "@2015-02-04T10:00:00Z", "@T10:00", "$this", "$index", "$total", "%resource", "%context", "%ucum", "%x"],
]
OPERANDS = st.sampled_from(
    ["1", "2.5", "'a'", "true", "{}", "4 days", "3 'mg'", "@2015-02", "@T10:00", "name", "birthDate", "$this", "(1|2)"]
)
CALLS = st.builds(
    lambda source, name, arguments: f"{source}.{name}({', '.join(arguments)})",
    OPERANDS,
    st.sampled_from(sorted(RULES)),
    st.lists(OPERANDS, max_size=2),
)
OPERATIONS = st.builds(
    lambda left, operator, right: f"({left}) {operator} ({right})",
    CALLS | OPERANDS,
    st.sampled_from(["=", "~", "<", "<=", "+", "-", "*", "/", "div", "mod", "&", "|", "in", "contains", "and", "xor"]),
    CALLS | OPERANDS,
)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["given", "_given", "family", "period", "start", "id", "extension"]), inner)
    ),
    max_leaves=8,
)
resources = st.fixed_dictionaries(
    {"resourceType": st.just("Patient")},
    optional={"name": json, "birthDate": json, "_birthDate": json, "contained": json, "extension": json},
)


def outcome(text: str, resource: dict[str, Any]) -> object:
    """Return the nodes or the message; any other exception fails the test."""
    try:
        return compile_expression(text).nodes(resource, environment=Environment(steps=10_000))
    except FhirPathError as error:
        return str(error)


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(["", " "]), resources)
def test_any_sequence_of_tokens(pieces: list[str], space: str, resource: dict[str, Any]) -> None:
    assert isinstance(outcome(space.join(pieces), resource), list | str)


@given(st.text(max_size=30), resources)
def test_any_text(text: str, resource: dict[str, Any]) -> None:
    assert isinstance(outcome(text, resource), list | str)


@settings(max_examples=500)
@given(CALLS | OPERATIONS, resources)
def test_any_call_and_operation(text: str, resource: dict[str, Any]) -> None:
    assert isinstance(outcome(text, resource), list | str)
