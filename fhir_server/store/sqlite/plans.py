"""Statements of searches that were compiled lately, to be asked again as of another position.

A statement is kept for as long as it would be compiled the same: while the names in it mean the same rows, and the
counts that its plan rests on are fresh. What asked for something that the store has never met, or looked at what there
is, is good until the next write.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any, NamedTuple

from fhir_server.search.query import Query
from fhir_server.store.sql.dialect import Names, Statement
from fhir_server.store.sqlite.dictionary import KEPT, Dictionary
from profiles import restriction as limits
from profiles.restriction import Restriction

MOST = 4096
"""How many are kept at most; then it starts afresh."""
POSITION, ROWS, LIMIT = object(), object(), object()
"""Stand in the arguments of a statement for the position it is asked as of, the rows it starts from, and its limit."""


class Kept(NamedTuple):
    """A compiled page; `changed` and `time` say when it was, `only` with which newest commit it is good (None: any)."""

    statement: Statement
    changed: int
    time: float
    only: int | None


class Plans:
    """Compiled first pages and includes, by what is asked for and under which restriction."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self._kept: dict[Any, Kept] = {}

    def get(self, key: Any, newest: int) -> Statement | None:
        """Return what was compiled for `key`, None when it must be compiled again; `newest` is the last commit."""
        kept = self._kept.get(key)
        if kept is None or kept.changed != self._dictionary.changed or kept.only not in (None, newest):
            return None
        if monotonic() - kept.time > KEPT:
            return None
        return kept.statement

    def keep(self, key: Any, statement: Statement, changed: int, only: int | None) -> None:
        """Keep what was compiled when so much of the dictionary had `changed`; `only` as in `Kept`."""
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[key] = Kept(statement, changed, monotonic(), only)


def key_of(query: Query, restriction: Restriction) -> Any | None:
    """Return the key of a first page, None for what is compiled anew each time."""
    if query.after or has_criteria(restriction):
        return None
    return query.targets, query.sort, query.count, restriction


def has_criteria(restriction: Restriction) -> bool:
    """Whether a restriction asks for search criteria, which may mean something else at another moment."""
    match restriction:
        case limits.AnyOf(items) | limits.AllOf(items):
            return any(map(has_criteria, items))
        case limits.Not(item):
            return has_criteria(item)
    return isinstance(restriction, limits.Matches)


def at(statement: Statement, position: int) -> Statement:
    """Return `statement` as of `position`."""
    return Statement(statement.sql, tuple([position if each is POSITION else each for each in statement.arguments]))


def step(statement: Statement, position: int, rows: Sequence[int], limit: int) -> Statement:
    """Return the `statement` of an include as of `position`, from `rows`."""
    given = {id(POSITION): position, id(ROWS): f"[{','.join(map(str, rows))}]", id(LIMIT): limit}
    return Statement(statement.sql, tuple([given.get(id(each), each) for each in statement.arguments]))


class Noting:
    """Names that note whether something was asked for that they do not know, or that may change."""

    def __init__(self, names: Names, position: int) -> None:
        """`position` is what counts are taken as of."""
        self._names = names
        self._position = position
        self.missed = False

    def _noted(self, found: Any) -> Any:
        self.missed = self.missed or not found
        return found

    def type_id(self, name: str) -> int | None:
        """See `Names.type_id`."""
        return self._noted(self._names.type_id(name))  # type: ignore[no-any-return]

    def param_id(self, type: str, name: str) -> int | None:
        """See `Names.param_id`."""
        return self._noted(self._names.param_id(type, name))  # type: ignore[no-any-return]

    def param_ids(self, type: str, name: str) -> Sequence[int]:
        """See `Names.param_ids`: there may be other forms with the next write."""
        self.missed = True
        return self._names.param_ids(type, name)

    def is_by_patient(self, param: int) -> bool:
        """See `Names.is_by_patient`."""
        return self._names.is_by_patient(param)

    def live(self, type: str) -> int:
        """See `Names.live`."""
        return self._names.live(type)

    def resource_id(self, type: str, id: str) -> int | None:
        """See `Names.resource_id`."""
        return self._noted(self._names.resource_id(type, id))  # type: ignore[no-any-return]

    def token_ids(self, fold: str, system: str | None) -> Sequence[int]:
        """See `Names.token_ids`: the dictionary tells when a code gets another number."""
        return self._noted(self._names.token_ids(fold, system))  # type: ignore[no-any-return]

    def first_since(self, time: int) -> int:
        """See `Names.first_since`: beyond the last row there may be others with the next write."""
        self.missed = True
        return self._names.first_since(time)

    def first(self, statement: Statement, limit: int) -> Sequence[int] | None:
        """See `Names.first`: there may be others with the next write."""
        self.missed = True
        return self._names.first(at(statement, self._position), limit)

    def estimate(self, statement: Statement, limit: int) -> int:
        """See `Names.estimate`."""
        return self._names.estimate(at(statement, self._position), limit)
