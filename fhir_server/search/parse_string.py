"""Values of string parameters (http://hl7.org/fhir/R4/search.html#string)."""

from __future__ import annotations

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.parse_value import by_answers, plain
from fhir_server.search.query import Node, String
from fhir_server.search.refuse import refuse
from fhir_server.search.values import fold


def read_string(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read a string: compared folded from its start, anywhere (`:contains`), or exactly (`:exact`)."""
    value = plain(parameter.code, text)
    if modifier == "exact":
        return by_answers(parameter, lambda name: String(name, value, "exact"))
    folded = fold_value(parameter.code, value)
    if modifier == "contains":
        return by_answers(parameter, lambda name: String(name, folded, "contains"))
    return by_answers(parameter, lambda name: String(name, folded))


def fold_value(code: str, value: str) -> str:
    """Return the folded form of `value`. Raises BadRequest when nothing is left of it: everything would match."""
    folded = fold(value)
    if not folded:
        raise refuse(code, "a value needs at least one letter, digit or sign that is not white space.")
    return folded
