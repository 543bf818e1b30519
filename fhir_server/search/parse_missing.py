"""The modifier `:missing` of every parameter (http://hl7.org/fhir/R4/search.html#missing)."""

from __future__ import annotations

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.parse_value import either
from fhir_server.search.query import EVERYTHING, NOTHING, Node, Not, Present, Together
from fhir_server.search.refuse import refuse


def read_missing(parameter: Parameter, text: str, context: Context) -> Node:
    """Read `true` or `false`. A composite is there when one instance has all its components."""
    if text not in ("true", "false"):
        raise refuse(parameter.code, ":missing takes true or false, one of them.")
    missing = text == "true"
    if parameter.code in ("_id", "_lastUpdated"):
        return NOTHING if missing else EVERYTHING
    present = _together(parameter, context) if parameter.components else either(_present(parameter))
    return Not(present) if missing else present


def _present(parameter: Parameter) -> tuple[Present, ...]:
    return tuple(Present(answer.name, answer.target) for answer in parameter.answers)


def _together(parameter: Parameter, context: Context) -> Node:
    parts = [context.registry.get(parameter.resource_type, each.code) for each in parameter.components]
    return Together(tuple(_present(part) if part else () for part in parts))
