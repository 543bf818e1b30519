"""The shape of a search, and the values in it: one statement serves every search of a shape, each with its own values.

Values are what a conjunct of the search looks up (`patient=`, `code=`, a compartment), as far as it stands for exactly
one row, and what a restriction says of its caller. All else is part of the shape, because statements differ by it.

To compile a shape, its values are marked (`Value`). What is looked up by a marked name is a marked number (`Number`),
and wherever one of the two stands in the arguments of the statement, another search's value can take its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from msgspec import Struct

from fhir_server.search.query import And, Node, Owned, Query, Reference, Target, Token
from fhir_server.store.sql.dialect import Names
from profiles import restriction as limits
from profiles.restriction import Restriction


class Value(str):
    """A name that the `at`-th value of a search is looked up by. It equals no other, as a `Number` does not."""

    at: int

    @classmethod
    def of(cls, name: str, at: int) -> Value:
        """Mark a name."""
        made = cls(name)
        made.at = at
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Value) and other.at == self.at

    def __hash__(self) -> int:
        return hash((Value, self.at))


class Number(int):
    """A row that was looked up by the `at`-th value. It equals no other: another search may have the two differ."""

    at: int

    @classmethod
    def of(cls, number: int, at: int) -> Number:
        """Mark a number."""
        made = cls(number)
        made.at = at
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and other.at == self.at

    def __hash__(self) -> int:
        return hash((Number, self.at))


class Shape(Struct, frozen=True):
    """What is asked for, as a key of the statement that answers it, and its values."""

    targets: tuple[tuple[str, Any], ...]
    restriction: Any
    key: Any
    values: list[Any]


def shape(query: Query, limited: Any, more: Sequence[Any], names: Names) -> Shape:
    """Return the shape of the first page of `query`; `limited` is that of the restriction, with the values `more`."""
    values: list[Any] = []
    targets = tuple([(each.type, _target(each, values, names)) for each in query.targets])
    values += more
    return Shape(targets, limited, (targets, query.sort, query.count, query.total, limited), values)


def marked(query: Query, restriction: Restriction, found: Shape) -> tuple[Query, Restriction]:
    """Return the query and the restriction of a shape with their values marked."""
    numbers = count()
    targets = [
        each if each.inner else replace(each, where=_marked_where(each.where, where, numbers))
        for each, (_, where) in zip(query.targets, found.targets, strict=True)
    ]
    return replace(query, targets=tuple(targets)), marked_restriction(restriction, found.restriction, numbers)


def _target(target: Target, values: list[Any], names: Names) -> Any:
    # What others contain is told by other rows than it says: all of it is shape.
    return target if target.inner else _where(target.where, values, names)


def _where(where: Node, values: list[Any], names: Names) -> Any:
    if type(where) is And:
        return tuple([_conjunct(each, values, names) for each in where.nodes])
    return _conjunct(where, values, names)


def _marked_where(where: Node, found: Any, numbers: Iterator[int]) -> Node:
    if isinstance(where, And):
        pairs = zip(where.nodes, found, strict=True)
        return And(tuple(_marked(each, known, numbers) for each, known in pairs))
    return _marked(where, found, numbers)


def _conjunct(node: Node, values: list[Any], names: Names) -> Any:
    """Return the shape of a conjunct: a tuple where it has a value, the node itself where it has none."""
    kind = type(node)
    if kind is Reference or kind is Owned:
        number = names.resource_id(node.type, node.id)  # type: ignore[union-attr]
        if number is not None and not (kind is Reference and node.version):  # type: ignore[union-attr]
            values.append(number)
            return (kind, node.type, node.name if kind is Reference else "")  # type: ignore[union-attr]
    elif kind is Token and node.code is not None and not node.case_sensitive:  # type: ignore[union-attr]
        numbers = names.token_ids(node.code, node.system)  # type: ignore[union-attr]
        if len(numbers) == 1:
            values.append(numbers[0])
            return (kind, node.name)  # type: ignore[union-attr]
    return node


def _marked(node: Node, found: Any, numbers: Iterator[int]) -> Node:
    if not isinstance(found, tuple):
        return node
    if isinstance(node, Token):
        return replace(node, code=Value.of(node.code or "", next(numbers)))
    assert isinstance(node, Reference | Owned)
    return replace(node, id=Value.of(node.id, next(numbers)))


def restriction_shape(restriction: Restriction, values: list[Any], names: Names) -> Any:
    """Return the shape of a restriction and add its values: a tuple wherever there are any in it."""
    match restriction:
        case limits.InCompartment(type, id):
            number = names.resource_id(type, id)
            if number is not None:
                values.append(number)
                return (limits.InCompartment, type)
        case limits.About(patient):
            number = names.resource_id("Patient", patient)
            if number is not None:
                values.append(number)
                return (limits.About,)
        case limits.WrittenBy(author):
            values.append(author)
            return (limits.WrittenBy,)
        case limits.Related(practitioner, at):
            values += (practitioner, at)
            return (limits.Related,)
        case limits.Consented(actors, purpose, at, vouched):
            values.append(at)
            return (limits.Consented, actors, purpose, vouched)
        case limits.AnyOf(items) | limits.AllOf(items):
            return (restriction.__class__, *(restriction_shape(each, values, names) for each in items))
        case limits.Not(item):
            return (limits.Not, restriction_shape(item, values, names))
        case limits.Attached(within):
            return (limits.Attached, restriction_shape(within, values, names))
    return restriction


def marked_restriction(restriction: Restriction, found: Any, numbers: Iterator[int]) -> Restriction:
    """Return a restriction of the shape `found` with its values marked."""
    if not isinstance(found, tuple):
        return restriction
    match restriction:
        case limits.InCompartment(type, id):
            return limits.InCompartment(type, Value.of(id, next(numbers)))
        case limits.About(patient):
            return limits.About(Value.of(patient, next(numbers)))
        case limits.WrittenBy(author):
            return limits.WrittenBy(Value.of(author, next(numbers)))
        case limits.Related(practitioner, at):
            return limits.Related(Value.of(practitioner, next(numbers)), Number.of(at, next(numbers)))
        case limits.Consented(actors, purpose, at, vouched):
            return limits.Consented(actors, purpose, Number.of(at, next(numbers)), vouched)
        case limits.AnyOf(items) | limits.AllOf(items):
            pairs = zip(items, found[1:], strict=True)
            return restriction.__class__(tuple(marked_restriction(each, known, numbers) for each, known in pairs))
        case limits.Not(item):
            return limits.Not(marked_restriction(item, found[1], numbers))
        case limits.Attached(within):
            return limits.Attached(marked_restriction(within, found[1], numbers))
    return restriction
