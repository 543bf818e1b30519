"""What `_filter` means: its tests as nodes of the query tree (http://hl7.org/fhir/R4/search_filter.html).

Every test asks for one entry (`ne`: an entry that is unequal), so a test on what no entry tells is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fhir_server.search.context import Context
from fhir_server.search.filter_syntax import Comparison, Filter, FilterSyntax, Logic, Negation, Step, parse_filter
from fhir_server.search.parameters import Parameter
from fhir_server.search.parse_chain import Once, along, reference_parameter
from fhir_server.search.parse_criterion import find
from fhir_server.search.parse_date import PREFIXES, date_node, read_span
from fhir_server.search.parse_string import normal_value
from fhir_server.search.parse_value import by_answers, plain
from fhir_server.search.parse_values import EXPRESSIONS, check_modifier, read_value
from fhir_server.search.query import And, Node, Not, Or, String
from fhir_server.search.refuse import refuse, unanswered, within
from fhir_server.search.text import escape

OPERATORS = frozenset(
    ("eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr", "po", "ss", "sb", "in", "ni", "re")
)

_FILTER = "_filter"
_ORDERED = ("date", "number", "quantity")
# Per search type, the modifier of an ordinary search that means the same as an operator.
_MODIFIERS: Mapping[str, Mapping[str, str]] = {
    "token": {"eq": "", "ss": "below", "sb": "above", "in": "in", "ni": "not-in"},
    "string": {"co": "contains", "sw": ""},
    "uri": {"eq": "", "sw": "below"},
    "reference": {"re": "", "eq": ""},
    "composite": {"eq": ""},
}
# Names of code systems that a filter may use in place of their URLs.
_SYSTEMS: Mapping[str, str] = {
    "loinc": "http://loinc.org",
    "snomed": "http://snomed.info/sct",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ucum": "http://unitsofmeasure.org",
}


def read_filter(resource_type: str, name: str, text: str, context: Context) -> Node:
    """Return the node of a `_filter` expression for `resource_type`. Raises BadRequest (syntax: with position)."""
    try:
        found = parse_filter(text)
    except FilterSyntax as error:
        raise refuse(_FILTER, f"{error}.") from error
    with within(_FILTER):
        return _Meaning(context).of(resource_type, found, 0)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """Reads filters and the paths in them; `depth` is the number of references followed so far."""

    context: Context
    once: Once = field(default_factory=Once)

    def of(self, kind: str, found: Filter, depth: int) -> Node:
        """Return the node of a filter on resources of type `kind`."""
        match found:
            case Logic(every, left, right):
                both = (self.of(kind, left, depth), self.of(kind, right, depth))
                return And(both) if every else Or(both)
            case Negation(inner):
                return Not(self.of(kind, inner, depth))
            case Comparison(path):
                return self.along(kind, path, found, depth)

    def along(self, kind: str, path: tuple[Step, ...], test: Comparison, depth: int) -> Node:
        """Return the node of `test` at the end of `path`."""
        if len(path) == 1:
            return _compare(find(kind, path[0].name, self.context), test, self.context)
        if depth >= self.context.chain_depth:
            raise refuse(_FILTER, f"a path has more than {self.context.chain_depth} links; no more are followed.")
        parameter = reference_parameter(kind, path[0].name, self.context)
        return along(
            parameter,
            "",
            self.context,
            lambda target: self.once.read((target, path, test), lambda: self.beyond(target, path, test, depth + 1)),
        )

    def beyond(self, kind: str, path: tuple[Step, ...], test: Comparison, depth: int) -> Node:
        """Return the node of what the first step of `path` points to: its own filter, and the rest of the path."""
        node = self.along(kind, path[1:], test, depth)
        inner = path[0].filter
        return node if inner is None else And((self.of(kind, inner, depth), node))


def _compare(parameter: Parameter, test: Comparison, context: Context) -> Node:
    kind, operator = parameter.type, test.operator
    if operator not in OPERATORS:
        raise refuse(_FILTER, f"{operator} is no operator; they are {', '.join(sorted(OPERATORS))}.")
    if operator == "pr":
        return _present(parameter, test.value, context)
    if parameter.code in EXPRESSIONS or kind == "special":
        raise unanswered(_FILTER, f"{parameter.code} stands by itself, outside of a filter.")
    if kind in _ORDERED and operator in PREFIXES:
        return read_value(parameter, "", operator + _with_system(test.value), context)
    if kind == "date" and operator == "po":
        # Overlapping is what the prefix `ap` compares, here with the range as it was given.
        return date_node(parameter, "ap", *read_span(parameter.code, test.value))
    if kind == "string" and operator in ("eq", "ew"):
        norm = normal_value(parameter.code, plain(parameter.code, escape(test.value)))
        return by_answers(parameter, lambda name: String(name, norm, "whole" if operator == "eq" else "suffix"))
    if operator not in _MODIFIERS.get(kind, {}):
        raise _undefined(parameter, operator)
    modifier = _MODIFIERS[kind][operator]
    check_modifier(parameter, modifier, context.registry)
    value = escape(test.value) if kind == "string" else _with_system(test.value)
    found = read_value(parameter, modifier, value, context)
    return Not(found) if operator == "ni" else found


def _present(parameter: Parameter, value: str, context: Context) -> Node:
    if value not in ("true", "false"):
        raise refuse(_FILTER, "the operator pr takes true or false.")
    check_modifier(parameter, "missing", context.registry)
    return read_value(parameter, "missing", "false" if value == "true" else "true", context)


def _with_system(value: str) -> str:
    """Replace a predefined name of a code system between bars, or before the first."""
    if "|" not in value:
        return value
    return "|".join(_SYSTEMS.get(part, part) for part in value.split("|"))


def _undefined(parameter: Parameter, operator: str) -> Exception:
    ours = [*_MODIFIERS.get(parameter.type, {}), "pr"]
    ours += sorted(PREFIXES) if parameter.type in _ORDERED else []
    ours += ["eq", "ew"] if parameter.type == "string" else ["po"] if parameter.type == "date" else []
    hint = " For what is not equal write not (... eq ...)." if operator == "ne" else ""
    return unanswered(
        _FILTER,
        f"the operator {operator} is not answered for {parameter.code}, of type {parameter.type}; it has"
        f" {', '.join(ours)}.{hint}",
    )
