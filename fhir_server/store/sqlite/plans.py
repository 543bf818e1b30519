"""Statements of searches that were compiled lately, to be asked again with other values and as of another position.

A statement is kept for as long as it would be compiled the same: while the names in it mean the same rows. What asked
for something that the store has never met, or looked at what there is, is good until the next write. What was decided
by counts goes with the values that were counted, while the counts are fresh; all else serves any search of its shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any, NamedTuple

from fhir_server.search.query import Query
from fhir_server.search.weight import weight
from fhir_server.store.sql.dialect import Names, Statement
from fhir_server.store.sqlite.dictionary import KEPT, Dictionary
from fhir_server.store.sqlite.shape import Number, Value
from profiles import restriction as limits
from profiles.restriction import Restriction

UNWRITTEN = 600.0
"""Seconds for which counts are good while nothing is written: they may have been broken off on a busy machine."""
MOST = 4096
"""How many are kept at most; then it starts afresh."""
LARGEST = 32 * 1024
"""Characters of a statement and its arguments that are kept: thousands of large ones would fill memory."""
HEAVIEST = 100
"""What a search whose statement is kept weighs at most."""
POSITION, ROWS, LIMIT = object(), object(), object()
"""Stand in the arguments of a statement for the position it is asked as of, the rows it starts from, and its limit."""
_PLACES = {id(POSITION): -1, id(ROWS): -2, id(LIMIT): -3}


class Template(NamedTuple):
    """A statement with gaps: `places` are (index of the argument, index of what is given), the latter from the end
    for what is no value of the search.
    """

    sql: str
    arguments: tuple[Any, ...]
    places: tuple[tuple[int, int], ...]


NOWHERE = Template("", (), ())
"""Stands for a statement that would find nothing."""


class Kept(NamedTuple):
    """A compiled statement; `changed` (how much of the dictionary had) and `newest` (the last commit) say when it was.

    `only` says that it is good as of that commit alone, `counted` at which moment there was what decided it (None: it
    was decided by no counts).
    """

    template: Template
    changed: int
    newest: int
    only: bool
    counted: float | None


_BY_VALUES = Kept(Template("", (), ()), 0, 0, False, None)
"""Stands for a shape whose statements hang on the values."""


class Plans:
    """Compiled first pages and includes, by the shape of what is asked for and under which restriction."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self._kept: dict[Any, Kept] = {}

    def get(self, key: Any, values: Sequence[Any], newest: int) -> Template | None:
        """Return what was compiled for `key`, None when it must be compiled again; `newest` is the last commit."""
        kept = self._kept.get(key)
        if kept is _BY_VALUES:
            kept = self._kept.get((key, tuple(values)))
        if kept is None or kept.changed != self._dictionary.changed:
            return None
        written = kept.newest != newest
        if kept.only and written:
            return None
        if kept.counted is not None and monotonic() - kept.counted > (KEPT if written else UNWRITTEN):
            return None
        return kept.template

    def keep(
        self, key: Any, values: Sequence[Any], template: Template, noted: Noting, *, changed: int, newest: int
    ) -> None:
        """Keep what was compiled as of the commit `newest` when so much of the dictionary had `changed`.

        What was `noted` says for how long: what is decided by what there is for these `values` goes with them.
        """
        if len(template.sql) + sum(len(each) for each in template.arguments if isinstance(each, str)) > LARGEST:
            return
        if len(self._kept) >= MOST:
            self._kept.clear()
        if noted.counted:
            self._kept[key] = _BY_VALUES
            key = (key, tuple(values))
        counted = monotonic() if noted.counted or noted.sized else None
        self._kept[key] = Kept(template, changed, newest, noted.missed, counted)


def is_light(query: Query) -> bool:
    """Whether the statement of a query may be kept."""
    return sum(weight(each.where) for each in query.targets) <= HEAVIEST


def has_criteria(restriction: Restriction) -> bool:
    """Whether a restriction asks for search criteria, which may mean something else at another moment."""
    match restriction:
        case limits.AnyOf(items) | limits.AllOf(items):
            return any(map(has_criteria, items))
        case limits.Not(item) | limits.Attached(item):
            return has_criteria(item)
    return isinstance(restriction, limits.Matches)


def template(statement: Statement) -> Template:
    """Return a statement that was compiled of what is marked, with gaps where something may take its place."""
    places = []
    for index, argument in enumerate(statement.arguments):
        at = argument.at if isinstance(argument, Value | Number) else _PLACES.get(id(argument))
        if at is not None:
            places.append((index, at))
    return Template(statement.sql, statement.arguments, tuple(places))


def filled(
    template: Template, values: Sequence[Any], position: int, rows: Sequence[int] = (), limit: int = 0
) -> Statement:
    """Return the statement of a search with these `values`, as of `position`; an include starts from `rows`."""
    arguments = list(template.arguments)
    given = [*values, limit, f"[{','.join(map(str, rows))}]" if rows else "", position]
    for index, at in template.places:
        arguments[index] = given[at]
    return Statement(template.sql, tuple(arguments))


class Noting:
    """Names that note what is decided by them: what they do not know, what may change, and what hangs on values."""

    def __init__(self, names: Names, position: int) -> None:
        """`position` is what counts are taken as of."""
        self._names = names
        self._position = position
        self.missed = False
        self.counted = False
        self.sized = False

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
        self.counted = True
        return self._names.live(type)

    def is_large(self, type: str) -> bool:
        """See `Names.is_large`: that is so for all values, and may change."""
        self.sized = True
        return self._names.is_large(type)

    def resource_id(self, type: str, id: str) -> int | None:
        """See `Names.resource_id`."""
        found = self._noted(self._names.resource_id(type, str(id)))
        return Number.of(found, id.at) if found and isinstance(id, Value) else found

    def token_ids(self, code: str, system: str | None) -> Sequence[int]:
        """See `Names.token_ids`: the dictionary tells when a code gets another number."""
        found = self._noted(self._names.token_ids(str(code), system))
        return [Number.of(each, code.at) for each in found] if isinstance(code, Value) else found

    def first_since(self, time: int) -> int:
        """See `Names.first_since`: beyond the last row there may be others with the next write."""
        self.missed = True
        return self._names.first_since(time)

    def first(self, statement: Statement, limit: int) -> Sequence[int] | None:
        """See `Names.first`: there may be others with the next write."""
        self.missed = self.counted = True
        return self._names.first(self._plain(statement), limit)

    def estimate(self, statement: Statement, limit: int) -> int:
        """See `Names.estimate`."""
        self.counted = True
        return self._names.estimate(self._plain(statement), limit)

    def _plain(self, statement: Statement) -> Statement:
        """Return a statement that can be asked: as of the position, and for the values that are compiled for."""
        return Statement(statement.sql, tuple([self._value(each) for each in statement.arguments]))

    def _value(self, argument: Any) -> Any:
        if argument is POSITION:
            return self._position
        if isinstance(argument, Number):
            return int(argument)
        return str(argument) if isinstance(argument, Value) else argument
