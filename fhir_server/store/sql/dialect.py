"""What the compiler asks of an engine: numbers for names, and the few spellings that differ between engines.

The SQL is written for the layout of `docs/store.md`. `?` is the placeholder, arguments are given in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct

from fhir_server.store.contained_row import BITS, MASK


class Statement(Struct, frozen=True):
    """SQL, or a piece of it, with the arguments of its placeholders in order."""

    sql: str
    arguments: tuple[Any, ...] = ()


class Names(Protocol):
    """Numbers that stand for names in the tables. What the store has never met has none, and matches nothing."""

    def type_id(self, name: str) -> int | None:
        """Return the number of a resource type."""
        ...

    def param_id(self, type: str, name: str) -> int | None:
        """Return the number of the index entries called `name` of a type."""
        ...

    def resource_id(self, type: str, id: str) -> int | None:
        """Return the row id of a resource, which may be no more than the target of references."""
        ...

    def param_ids(self, type: str, name: str) -> Sequence[int]:
        """Return the numbers of all forms of a parameter: `code` and `code:text`."""
        ...

    def is_by_patient(self, param: int) -> bool:
        """Return whether tokens of that form are in `idx_owned` too, or references of it lead into a compartment."""
        ...

    def live(self, type: str) -> int:
        """Return about how many resources of a type there are."""
        ...

    def is_large(self, type: str) -> bool:
        """Return whether there are so many resources of a type that who sees few of them should not look at all."""
        ...

    def token_ids(self, code: str, system: str | None) -> Sequence[int]:
        """Return the numbers of the tokens with that code in any case, of any system when `system` is None."""
        ...

    def first_since(self, time: int) -> int:
        """Return the lowest version row whose time is `time` or later, or one beyond the last."""
        ...

    def first(self, statement: Statement, limit: int) -> Sequence[int] | None:
        """Return the only column of up to `limit` rows of `statement`, None when that would take long."""
        ...

    def estimate(self, statement: Statement, limit: int) -> int:
        """Return about the number of rows of `statement` now or lately, counted no further than `limit`."""
        ...


TRUE = Statement("1")
FALSE = Statement("0")


def both(*parts: Statement) -> Statement:
    """Return the conjunction of `parts`."""
    return _joined(tuple(part for part in parts if part != TRUE), "AND", TRUE, FALSE)


def either(*parts: Statement) -> Statement:
    """Return the disjunction of `parts`."""
    return _joined(tuple(part for part in parts if part != FALSE), "OR", FALSE, TRUE)


def _joined(parts: tuple[Statement, ...], word: str, neutral: Statement, absorbing: Statement) -> Statement:
    if absorbing in parts:
        return absorbing
    if not parts:
        return neutral
    if len(parts) == 1:
        return parts[0]
    # A balanced tree: engines bound the depth of an expression, and a search may have a thousand alternatives.
    middle = len(parts) // 2
    left = _joined(parts[:middle], word, neutral, absorbing)
    right = _joined(parts[middle:], word, neutral, absorbing)
    return Statement(f"({left.sql} {word} {right.sql})", left.arguments + right.arguments)


def negated(part: Statement) -> Statement:
    """Return the negation of `part`."""
    if part in (TRUE, FALSE):
        return FALSE if part == TRUE else TRUE
    return Statement(f"NOT {part.sql}", part.arguments)


def placeholders(values: Sequence[Any]) -> str:
    """Return `= ?` or `IN (?, ...)` for the number of `values`."""
    return "= ?" if len(values) == 1 else f"IN ({', '.join('?' * len(values))})"


LISTED = "IN (SELECT j.value FROM json_each(?) j)"
"""The test that a number is in the JSON array that is its argument."""


def contains(column: str) -> str:
    """Return the test that a text column contains the argument."""
    return f"instr({column}, ?) > 0"


def container(row: str) -> str:
    """Return the expression for the version that contains the resource with the number `row`."""
    return f"({row} >> {BITS} & {MASK})"


def in_footprint(v: str, param: int, letter: str, condition: Statement) -> Statement:
    """Return the test that version `v` has an index row of `param` for which `condition` holds.

    The condition names the columns of the row as it stands in the footprint: `e.value ->> 1` is the first.
    """
    found = from_footprint("1", v, param, letter, condition)
    return Statement(f"EXISTS ({found.sql})", found.arguments)


def from_footprint(what: str, v: str, param: int, letter: str, condition: Statement = TRUE) -> Statement:
    """Select `what` of the index rows of `param` in the table `letter` ("" for any) of version `v`."""
    # What is kept once more by patient ("o") ends in a token and has no group.
    kind = f" AND e.value ->> 0 = '{letter}'" if letter else " AND e.value ->> 0 <> 'o'"
    more = "" if condition == TRUE else f" AND {condition.sql}"
    return Statement(
        f"SELECT {what} FROM footprint f CROSS JOIN json_each(f.rows, ?) e WHERE f.v = {v}{kind}{more}",
        (f'$."{param}"', *condition.arguments),
    )


GROUP = "e.value ->> '$[#-1]'"
"""The group of a footprint row: its last column."""


def deeper(alias: str) -> str:
    """Return the alias of what is nested one level below `alias`."""
    return f"x{int(alias[1:] or 0) + 1}"


def union(selects: Sequence[Statement], word: str = "UNION ALL") -> Statement:
    """Return the compound of `selects`, each with one column called `v`."""
    if len(selects) > _UNION:
        pieces = [union(selects[at : at + _UNION], word) for at in range(0, len(selects), _UNION)]
        selects = [Statement(f"SELECT v FROM ({each.sql})", each.arguments) for each in pieces]
    arguments = tuple(argument for each in selects for argument in each.arguments)
    return Statement(f" {word} ".join(each.sql for each in selects), arguments)


_UNION = 200
"""Engines bound the terms of one compound SELECT; longer unions are nested."""
