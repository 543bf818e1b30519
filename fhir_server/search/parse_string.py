"""Values of string parameters (http://hl7.org/fhir/R4/search.html#string)."""

from __future__ import annotations

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.parse_value import by_answers, plain
from fhir_server.search.query import Node, String
from fhir_server.search.refuse import refuse
from fhir_server.search.values import normal


def read_string(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read a string: compared as `normal` from its start, anywhere (`:contains`), or exactly (`:exact`)."""
    value = plain(parameter.code, text)
    if modifier == "exact":
        return by_answers(parameter, lambda name: String(name, value, "exact"))
    norm = normal_value(parameter.code, value)
    if modifier == "contains":
        return by_answers(parameter, lambda name: String(name, norm, "contains"))
    return by_answers(parameter, lambda name: String(name, norm))


def normal_value(code: str, value: str) -> str:
    """Return what is compared of `value`. Raises BadRequest when nothing is left of it: everything would match."""
    norm = normal(value)
    if not norm:
        raise refuse(code, "a value needs at least one letter, digit or sign that is not white space.")
    return norm
