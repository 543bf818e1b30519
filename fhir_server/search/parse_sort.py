"""`_sort`: rules of order (http://hl7.org/fhir/R4/search.html#sort)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.parse_reference import holds_references
from fhir_server.search.parse_values import is_answered
from fhir_server.search.query import Sort, SortKind
from fhir_server.search.refuse import no_modifier, refuse, shown, unanswered

RULES = 10
"""The most rules of one search."""

_SORT = "_sort"
_BY_STORE = {"_id": Sort("id"), "_lastUpdated": Sort("updated")}
_KINDS: dict[str, SortKind] = {
    "token": "token",
    "string": "string",
    "reference": "reference",
    "uri": "uri",
    "date": "date",
    "number": "number",
    "quantity": "quantity",
}


def read_sort(types: Sequence[str], name: str, value: str, context: Context) -> tuple[Sort, ...]:
    """Return the rules of `_sort=a,-b`, in which a parameter must mean the same in all `types`. Raises BadRequest."""
    if name != _SORT:
        raise no_modifier(_SORT, "it has no modifiers; write _sort=-name for descending order.")
    rules = [_rule(types, number, text, context) for number, text in enumerate(value.split(","), 1)]
    if len(rules) > RULES:
        raise refuse(_SORT, f"it has {len(rules)} rules; at most {RULES} are answered.")
    return tuple(rules)


def _rule(types: Sequence[str], number: int, text: str, context: Context) -> Sort:
    code = text.removeprefix("-")
    if not code:
        raise refuse(_SORT, f"its rule {number} is empty; write a parameter, after a minus sign for descending order.")
    if code == "_score":
        raise unanswered(_SORT, "matches have no score here; sort by a parameter, _id or _lastUpdated.")
    if ":" in code or "." in code:
        raise unanswered(
            _SORT, f"its rule {number} is more than a parameter; it has neither modifiers nor chains, and - descends."
        )
    found = _BY_STORE.get(code) or _by_entries(types, code, context)
    return replace(found, descending=text.startswith("-"))


def _by_entries(types: Sequence[str], code: str, context: Context) -> Sort:
    rules = {_sort_of(each, code, context.registry.get(each, code)) for each in types}
    if len(rules) > 1:
        raise unanswered(_SORT, f"{code} has other values in each of the types searched; search one of them.")
    return next(iter(rules))


def _sort_of(resource_type: str, code: str, parameter: Parameter | None) -> Sort:
    if parameter is None:
        raise unanswered(_SORT, f"{resource_type} has no parameter {shown(code)} to sort by.")
    if parameter.type not in _KINDS or not is_answered(parameter) or not parameter.answers:
        raise unanswered(_SORT, f"{parameter.code} is of type {parameter.type}, which has no order here.")
    targets = {answer.target for answer in parameter.answers}
    if len(targets) > 1:
        raise unanswered(
            _SORT, f"{parameter.code} is made of others that lead to different types; sort by one of them."
        )
    kind = _KINDS[parameter.type]
    if kind == "reference" and not holds_references(parameter):
        kind = "uri"
    return Sort(kind, tuple(answer.name for answer in parameter.answers), target=targets.pop())
