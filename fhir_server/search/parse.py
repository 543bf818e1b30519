"""From the query part of a URL to a query tree (http://hl7.org/fhir/R4/search.html).

Repeated parameters are all demanded, values with commas between them are alternatives. What the search language has
and this server does not answer is refused by name, or ignored and named in a warning when the caller asked for lenient
handling. A malformed value is refused either way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Unpack

from fhir_server.errors import BadRequest
from fhir_server.search.context import Context, Options
from fhir_server.search.filter import read_filter
from fhir_server.search.parameters import Registry
from fhir_server.search.parse_criterion import criterion
from fhir_server.search.parse_include import read_include
from fhir_server.search.parse_sort import read_sort
from fhir_server.search.parse_targets import check_contained, parse_targets
from fhir_server.search.parse_types import each_type, searched_types
from fhir_server.search.parse_values import MODIFIERS, is_answered, modifiers
from fhir_server.search.query import And, Include, Node, Owned, Sort, Target
from fhir_server.search.refuse import Unanswered, no_modifier, refuse, unanswered
from fhir_server.search.terminology import NO_TERMINOLOGY, Terminology
from fhir_server.search.weight import WEIGHT, weight
from profiles.issues import Issue

__all__ = ["MODIFIERS", "Criteria", "Search", "Unanswered", "criteria", "is_answered", "modifiers", "parse"]

Criteria = Callable[[str, tuple[tuple[str, str], ...]], Node]
"""Reads the parameters of a `profiles.restriction.Matches`."""


@dataclass(frozen=True, slots=True)
class Search:
    """A parsed search: what must hold in each type, the page size asked for (None: not said), the order, what to add,
    and what the self link repeats.

    `warnings` name the parameters that lenient handling ignored.
    """

    targets: tuple[Target, ...]
    count: int | None = None
    sort: tuple[Sort, ...] = ()
    includes: tuple[Include, ...] = ()
    applied: tuple[tuple[str, str], ...] = ()
    warnings: tuple[Issue, ...] = ()

    @property
    def type(self) -> str:
        """The only type searched. Raises ValueError when there are several."""
        return self._only.type

    @property
    def where(self) -> Node:
        """What must hold in the only type searched. Raises ValueError when there are several."""
        return self._only.where

    @property
    def _only(self) -> Target:
        (only,) = self.targets
        return only


@dataclass(slots=True)
class _Reading:
    types: tuple[str, ...]
    nodes: dict[str, list[Node]]
    count: int | None = None
    sort: list[Sort] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    applied: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)
    errors: list[Issue] = field(default_factory=list)
    weight: int = 0


def parse(
    types: str | Sequence[str],
    parameters: Sequence[tuple[str, str]],
    registry: Registry,
    **options: Unpack[Options],
) -> Search:
    """Parse decoded (name, value) pairs; `_summary`, `_elements` and their like must be taken out before.

    `types` is the type searched, or several. Without any, those of the parameter `_type` are searched, and without that
    all there are (of the compartment, if one is given); then only parameters that all of them have are answered.
    Raises BadRequest with one issue for each parameter that cannot be answered.
    """
    context = Context(registry, **options)
    if context.contained != "false":
        context = replace(context, registry=Registry())
    searched = searched_types(types, parameters, context)
    reading = _Reading(searched, {each: [] for each in searched})
    if context.compartment is not None:
        for nodes in reading.nodes.values():
            nodes.append(Owned(*context.compartment))
    for name, value in parameters:
        if not value and context.ignore_empty:
            continue
        try:
            check_contained(searched, name, context, registry)
            _read(reading, name, value, types, context)
        except Unanswered as refusal:
            found = reading.warnings if context.lenient else reading.errors
            found.extend(_softened(refusal) if context.lenient else refusal.issues)
        except BadRequest as refusal:
            reading.errors.extend(refusal.issues)
        if reading.weight > WEIGHT:
            break
    if reading.errors:
        raise BadRequest.of(reading.errors)
    if reading.count is not None:
        reading.applied.append(("_count", str(reading.count)))
    return Search(
        parse_targets({each: _all(nodes) for each, nodes in reading.nodes.items()}, context),
        reading.count,
        tuple(reading.sort),
        tuple(dict.fromkeys(reading.includes)),
        tuple(reading.applied),
        tuple(reading.warnings),
    )


def criteria(
    registry: Registry, *, base: str, now: int, chain_depth: int = 8, terminology: Terminology = NO_TERMINOLOGY
) -> Criteria:
    """Return what reads the parameters of restrictions. It is strict: what cannot be answered raises BadRequest."""

    def read(resource_type: str, parameters: tuple[tuple[str, str], ...]) -> Node:
        options = Options(base=base, now=now, chain_depth=chain_depth, terminology=terminology)
        found = parse(resource_type, parameters, registry, **options)
        if found.sort or found.includes or found.count is not None:
            raise BadRequest(
                "A restriction takes search criteria alone, neither _sort, _count, _include nor _revinclude."
            )
        return found.where

    return read


def _read(reading: _Reading, name: str, value: str, types: str | Sequence[str], context: Context) -> None:
    # Contained resources are searched by other parameters than stored ones.
    parts = context.parts if context.contained == "false" else None
    key = (reading.types, name, value)
    known = None if parts is None else parts.get(key)
    if known is None:
        code = name.partition(":")[0]
        if name.endswith(":") or ":." in name:
            raise no_modifier(
                code, "a modifier or a type stands behind a colon; leave the colon out where there is none."
            )
        if name == "_count":
            _read_count(reading, value, context.page_max)
            return
        known = code, _made_of(reading.types, code, name, value, types, context)
        # With a modifier or a chain, or a name of the language itself, it may hang on more than its text.
        if parts is not None and (code in _LISTED or name.replace("-", "").isalnum()):
            parts.keep(key, known)
    _take(reading, name, *known, times=2 if context.contained == "both" else 1)
    reading.applied.append((name, value))


_LISTED = frozenset(("_sort", "_include", "_revinclude"))


def _made_of(
    searched: Sequence[str], code: str, name: str, value: str, types: str | Sequence[str], context: Context
) -> tuple[Any, ...]:
    """Return the rules, the includes, or the nodes of each type that a parameter stands for."""
    if code == "_sort":
        return read_sort(searched, name, value, context)
    if code in _LISTED:
        return read_include(searched, name, value, context)
    if code == "_type":
        if name != "_type" or types:
            raise unanswered("_type", "it is for searches without a type in the URL, and has no modifiers.")
        return ()
    return tuple(each_type(searched, name, value, context, read_filter if name == "_filter" else criterion))


def _take(reading: _Reading, name: str, code: str, found: tuple[Any, ...], *, times: int) -> None:
    if code == "_sort":
        known = {(rule.kind, rule.names, rule.target) for rule in reading.sort}
        reading.sort += [rule for rule in found if (rule.kind, rule.names, rule.target) not in known]
    elif code in _LISTED:
        reading.includes += found
    elif code != "_type":
        for nodes, node in zip(reading.nodes.values(), found, strict=True):
            nodes.append(node)
            reading.weight += weight(node) * times
        if reading.weight > WEIGHT:
            raise _too_large(name)


def _too_large(name: str) -> BadRequest:
    return refuse(
        name.partition(":")[0].partition(".")[0],
        f"with it the search has more than {WEIGHT} values to compare, over all types it is about, or too many chains: "
        "ask in several searches, narrow chains as in subject:Patient, and name types in _type where there are many.",
        "too-costly",
    )


def _read_count(reading: _Reading, value: str, page_max: int) -> None:
    if reading.count is not None:
        raise refuse("_count", "it is given more than once.")
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise refuse("_count", "it takes a whole number from 0, of nine digits at most.")
    reading.count = min(int(value), page_max)


def _all(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else And(tuple(nodes))


def _softened(refusal: Unanswered) -> list[Issue]:
    return [Issue("warning", each.code, f"Ignored: {each.message}", each.expression) for each in refusal.issues]
