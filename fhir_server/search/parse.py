"""From the query part of a URL to a query tree (http://hl7.org/fhir/R4/search.html).

Repeated parameters are all demanded, values with commas between them are alternatives. What the search language has
and this server does not answer is refused by name, or ignored and named in a warning when the caller asked for lenient
handling. A malformed value is refused either way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fhir_server.errors import BadRequest
from fhir_server.search.parameters import Incomplete, Parameter, Registry
from fhir_server.search.parse_values import READERS, Context, read_id, refuse
from fhir_server.search.query import EVERYTHING, And, Id, Node, Not, Or
from fhir_server.search.text import split
from profiles import definitions
from profiles.issues import Issue

Criteria = Callable[[str, tuple[tuple[str, str], ...]], Node]
"""Reads the parameters of a `profiles.restriction.Matches`."""

MODIFIERS: Mapping[str, tuple[str, ...]] = {
    "token": ("not",),
    "string": ("exact", "contains"),
    "uri": ("below",),
    "reference": ("[type]",),
    "date": (),
}
"""The modifiers answered per search type; `[type]` stands for the name of a resource type."""

_KNOWN_MODIFIERS = frozenset(
    ("missing", "exact", "contains", "text", "not", "above", "below", "in", "not-in", "of-type", "identifier", "type")
)
_KNOWN_PARAMETERS = frozenset(
    f"_{name}"
    for name in (
        *("text", "content", "filter", "query", "list", "type", "sort", "include", "revinclude"),
        *("contained", "containedType", "total", "summary", "elements", "score"),
    )
)
_UNANSWERED = {"phonetic": "matching by sound"}


class Unanswered(BadRequest):
    """Legal, or at least no malformed value, but not answered here: what lenient handling ignores."""

    code = "not-supported"


@dataclass(frozen=True, slots=True)
class Search:
    """A parsed search: what must hold, the page size asked for (None: not said), and what the self link repeats.

    `warnings` name the parameters that lenient handling ignored.
    """

    type: str
    where: Node = EVERYTHING
    count: int | None = None
    applied: tuple[tuple[str, str], ...] = ()
    warnings: tuple[Issue, ...] = ()


@dataclass(slots=True)
class _Reading:
    nodes: list[Node] = field(default_factory=list)
    count: int | None = None
    applied: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)
    errors: list[Issue] = field(default_factory=list)


def parse(
    resource_type: str,
    parameters: Sequence[tuple[str, str]],
    registry: Registry,
    *,
    base: str,
    now: int,
    or_values: int = 1000,
    page_max: int = 1000,
    lenient: bool = False,
) -> Search:
    """Parse decoded (name, value) pairs; result parameters other than `_count` must be taken out before.

    `base` is this server's FHIR base URL without trailing slash, `now` microseconds since 1970 (for the prefix `ap`),
    `or_values` the most alternatives one parameter may have, `page_max` what `_count` is cut down to. Raises
    BadRequest with one issue for each parameter that cannot be answered.
    """
    context = Context(base, now)
    reading = _Reading()
    for name, value in parameters:
        try:
            if name == "_count":
                _read_count(reading, value, page_max)
                continue
            reading.nodes.append(_read(resource_type, name, value, registry, context, or_values))
            reading.applied.append((name, value))
        except (Unanswered, Incomplete) as refusal:
            found = reading.warnings if lenient else reading.errors
            found.extend(_softened(refusal) if lenient else refusal.issues)
        except BadRequest as refusal:
            reading.errors.extend(refusal.issues)
    if reading.errors:
        raise BadRequest.of(reading.errors)
    if reading.count is not None:
        reading.applied.append(("_count", str(reading.count)))
    where = reading.nodes[0] if len(reading.nodes) == 1 else And(tuple(reading.nodes))
    return Search(resource_type, where, reading.count, tuple(reading.applied), tuple(reading.warnings))


def criteria(registry: Registry, *, base: str, now: int) -> Criteria:
    """Return what reads the parameters of restrictions. It is strict: what cannot be answered raises BadRequest."""

    def read(resource_type: str, parameters: tuple[tuple[str, str], ...]) -> Node:
        return parse(resource_type, parameters, registry, base=base, now=now).where

    return read


def is_answered(parameter: Parameter) -> bool:
    """Return whether searches by `parameter` are answered (with the MODIFIERS of its type)."""
    if parameter.code in ("_id", "_lastUpdated"):
        return True
    return parameter.type in READERS and bool(parameter.answers) and parameter.code not in _UNANSWERED


def _softened(refusal: BadRequest) -> list[Issue]:
    return [Issue("warning", each.code, f"Ignored: {each.message}", each.expression) for each in refusal.issues]


def _read_count(reading: _Reading, value: str, page_max: int) -> None:
    if reading.count is not None:
        raise refuse("_count", "it is given more than once.")
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise refuse("_count", "it takes a whole number from 0.")
    reading.count = min(int(value), page_max)


def _read(resource_type: str, name: str, value: str, registry: Registry, context: Context, or_values: int) -> Node:
    code, _, modifier = name.partition(":")
    parameter = _find(resource_type, name, code, registry)
    _check_modifier(parameter, modifier)
    texts = split(value, ",")
    if len(texts) > or_values:
        raise refuse(code, f"it has {len(texts)} values; at most {or_values} are answered, so ask in several searches.")
    read = read_id if code == "_id" else READERS[parameter.type]
    nodes = tuple(dict.fromkeys(read(parameter, modifier, text, context) for text in texts))
    either = nodes[0] if len(nodes) == 1 else _either(nodes)
    return Not(either) if modifier == "not" else either


def _either(nodes: tuple[Node, ...]) -> Node:
    if all(isinstance(node, Id) for node in nodes):
        return Id(tuple(id for node in nodes if isinstance(node, Id) for id in node.ids))
    return Or(tuple(part for node in nodes for part in (node.nodes if isinstance(node, Or) else (node,))))


def _find(resource_type: str, name: str, code: str, registry: Registry) -> Parameter:
    if "." in name or code == "_has":
        raise _unanswered(name, "chained searches and _has are not answered by this release.")
    if code in _KNOWN_PARAMETERS:
        raise _unanswered(code, "it is not answered by this release here; leave it out.")
    parameter = registry.get(resource_type, code)
    if parameter is None:
        raise _unanswered(
            code, f"{resource_type} has no such parameter; those it has are in the CapabilityStatement at /metadata."
        )
    if not is_answered(parameter):
        what = _UNANSWERED.get(code, f"parameters of type {parameter.type}")
        what = what if parameter.alternatives or code in _UNANSWERED else "parameters without an expression"
        raise _unanswered(code, f"{what} are not answered by this release; leave it out.")
    return parameter


def _check_modifier(parameter: Parameter, modifier: str) -> None:
    if not modifier:
        return
    known = MODIFIERS[parameter.type]
    if modifier in known and modifier != "[type]" and not (parameter.code == "_id" and modifier != "not"):
        return
    if definitions.is_resource_type(modifier) and parameter.type == "reference":
        if parameter.targets and modifier not in parameter.targets:
            raise refuse(parameter.code, f"it never points to a {modifier}.")
        return
    ours = " and ".join(f":{each}" for each in known) or "none"
    state = "not answered by this release" if modifier in _KNOWN_MODIFIERS else "unknown"
    raise _unanswered(
        parameter.code, f"the modifier :{modifier[:40]} is {state}; for type {parameter.type} there are: {ours}."
    )


def _unanswered(parameter: str, rule: str) -> Unanswered:
    name = parameter[:80]
    return Unanswered(f"Search parameter {name!r}: {rule}", expression=name)
