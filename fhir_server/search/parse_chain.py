"""Chains, `_has` and `_list`: criteria on other resources (http://hl7.org/fhir/R4/search.html#chaining).

What stands at the end of a chain is read by the caller's `read`, so that chains of every kind go on with each other.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.parse_contained import inside
from fhir_server.search.parse_reference import canonical_of, holds_references, leads_to, logical_id
from fhir_server.search.parse_value import either, limited
from fhir_server.search.query import NOTHING, And, Canonical, Chain, Has, Id, Node, Not, Or
from fhir_server.search.refuse import Absent, no_modifier, refuse, unanswered
from profiles import definitions

Criterion = Callable[[str, str], Node]
"""Reads what (type, name) asks of the value at the end of the chain."""

BRANCHES = 200
"""The most ways one chain may take through the types its references may point to."""

_HAS = "_has"
_SHOWN = 10


@dataclass(slots=True)
class Once:
    """What was read for a chain already: types with references to each other would be read over and over."""

    known: dict[Hashable, Node | Absent] = field(default_factory=dict)

    def read(self, key: Hashable, make: Callable[[], Node]) -> Node:
        """Return what `make` returned for `key` the first time, or raise the Absent it raised."""
        if key not in self.known:
            try:
                self.known[key] = make()
            except Absent as refusal:
                self.known[key] = refusal
        found = self.known[key]
        if isinstance(found, Absent):
            raise found.with_traceback(None)
        return found


def links(name: str) -> int:
    """Return how many references the parameter called `name` follows."""
    return name.count(".") + name.split(":").count(_HAS) + name.count(f".{_HAS}:")


def chain(resource_type: str, name: str, context: Context, read: Criterion) -> Node:
    """Read `reference.rest` or `reference:Type.rest`; `rest` is any criterion of the type pointed to."""
    head, _, rest = name.partition(".")
    code, _, narrowed = head.partition(":")
    parameter = reference_parameter(resource_type, code, context)
    if narrowed and not definitions.is_resource_type(narrowed):
        raise no_modifier(code, "a chain goes on from reference or reference:Type, without any other modifier.")
    return along(parameter, narrowed, context, lambda kind: read(kind, rest))


def along(parameter: Parameter, narrowed: str, context: Context, read: Callable[[str], Node]) -> Node:
    """Return what matches when `parameter` points to a resource of a type, `narrowed` if it is given, that matches.

    Types that do not have what `read` looks for are passed over. Raises Absent when that are all.
    """
    if narrowed and not leads_to(parameter, narrowed, context.registry):
        raise refuse(parameter.code, f"it never points to a {narrowed}.")
    kinds = (narrowed,) if narrowed else parameter.targets or definitions.resource_types()
    lacking: list[Absent] = []
    found = either(limited(parameter.code, _branches(parameter, kinds, context, read, lacking)))
    if found != NOTHING:
        return found
    if len(lacking) == 1:
        raise lacking[0]
    shown = ", ".join(kinds[:_SHOWN]) + (", …" if len(kinds) > _SHOWN else "")
    raise unanswered(parameter.code, f"none of the types it points to has what is chained to it ({shown}).", Absent)


def _branches(
    parameter: Parameter,
    kinds: Iterable[str],
    context: Context,
    read: Callable[[str], Node],
    lacking: list[Absent],
) -> Iterator[Node]:
    """Yield a chain to each of `kinds`, stored or contained, and note in `lacking` why there is none."""
    ways = 0
    for kind in kinds:
        if not leads_to(parameter, kind, context.registry):
            continue
        by = _by(parameter, kind, context)
        try:
            node = read(kind)
        except Absent as refusal:
            lacking.append(refusal)
            continue
        for answer in parameter.answers:
            if answer.target in ("", kind):
                ways += _ways(node)
                if not parameter.nested:
                    yield Chain(answer.name, kind, node, by)
                contained = None if by else inside(f"{answer.name}.{kind}", node)
                if contained is not None:
                    yield contained
        if ways > BRANCHES:
            raise refuse(
                parameter.code,
                f"the chain has more than {BRANCHES} ways through the types it may point to; narrow it as in"
                f" {parameter.code}:Patient.",
            )


def has(resource_type: str, name: str, context: Context, read: Criterion) -> Node:
    """Read `_has:Type:reference:rest`: resources of `Type` that match `rest` and point here."""
    parts = name.split(":", 3)
    if len(parts) < 4 or parts[0] != _HAS or not all(parts):
        raise refuse(_HAS, "it is written _has:Type:reference:parameter, as in _has:Observation:patient:code.")
    _, source, code, rest = parts
    if not definitions.is_resource_type(source):
        raise refuse(_HAS, f"{source[:40]} is no resource type.")
    parameter = reference_parameter(source, code, context)
    if parameter.nested or not leads_to(parameter, resource_type, context.registry):
        raise unanswered(_HAS, f"{code} of {source} never points to a {resource_type}.", Absent)
    node, by = read(source, rest), _by(parameter, resource_type, context)
    return either(Has(source, each.name, node, by) for each in parameter.answers if each.target in ("", resource_type))


def in_list(texts: Sequence[str], context: Context) -> Node:
    """Read the values of `_list`: what the Lists with these ids point to."""
    if any(text.startswith(("$", "\\$")) for text in texts):
        raise unanswered("_list", "functional lists such as $current-allergies are not answered; write a List's id.")
    parameter = reference_parameter("List", "item", context)
    ids = Id(tuple(dict.fromkeys(logical_id("_list", text) for text in texts)))
    return either(Has("List", answer.name, ids) for answer in parameter.answers)


def reference_parameter(resource_type: str, code: str, context: Context) -> Parameter:
    """Return the reference parameter `code` that can be followed to resources. Raises Absent or Unanswered."""
    parameter = context.registry.get(resource_type, code)
    if parameter is None:
        raise unanswered(code, f"{resource_type} has no such parameter.", Absent)
    if parameter.type != "reference" or not parameter.answers:
        raise unanswered(code, f"it is of type {parameter.type} in {resource_type}; only references lead on.", Absent)
    return parameter


def _by(parameter: Parameter, kind: str, context: Context) -> Canonical | None:
    """Return how the canonicals of `parameter` lead to a `kind`, None where it holds references."""
    return None if holds_references(parameter) else canonical_of(context.registry, kind)


def _ways(node: Node) -> int:
    match node:
        case Chain(name) if "." in name:
            # From contained resources on; that costs nothing unless there are such.
            return 0
        case And(nodes) | Or(nodes):
            return max(1, sum(_ways(each) for each in nodes if isinstance(each, And | Or | Not | Chain | Has)))
        case Not(inner) | Chain(_, _, inner) | Has(_, _, inner):
            return _ways(inner)
    return 1
