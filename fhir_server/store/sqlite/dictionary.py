"""The dictionaries of a SQLite store in memory: types, authors, parameters, tokens and resource row ids.

`Dictionary` holds what is committed and is what readers use. `Additions` holds what the running group commit adds on
top and is what its works use: merged when the group is durable, forgotten when it is not, taken back to a mark when
one work fails. Numbers are never given twice while a server runs; those of failed works stay unused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, TypeVar

import apsw

from fhir_server.search.values import FORMS, fold_code
from fhir_server.store.base import Key
from fhir_server.store.one_budget import spent
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite.connection import GLANCES

K = TypeVar("K")
N = TypeVar("N")

CACHED = 100_000
"""How many tokens, and how many resources, are remembered at most."""
COUNTS = 10_000
"""How many counts of rows are kept at most."""
LARGE = 10_000
"""Resources of a type that are many. To look at each under care relations takes some ten milliseconds by then."""
KEPT = 10.0
"""Seconds for which a count of rows is good enough to plan by."""


class Recent(dict[K, N]):
    """What is known of keys met lately; when it is full it starts afresh, which costs a lookup per key still in use."""

    __slots__ = ("_size",)

    def __init__(self, size: int = CACHED) -> None:
        self._size = size

    def remember(self, key: K, known: N) -> bool:
        """Remember what is `known` of `key`; return whether all else had to be forgotten."""
        full = len(self) >= self._size
        if full:
            self.clear()
        self[key] = known
        return full


class Dictionary:
    """What is committed. Types, authors and parameters are all in memory, tokens and resources only the recent.

    `changed` grows whenever a code that was searched for lately gets one more number, or which ones were is forgotten.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        rows = connection.execute
        self.types: dict[str, int] = {name: number for number, name in rows("SELECT id, name FROM type")}
        self.type_names: dict[int, str] = {number: name for name, number in self.types.items()}
        self.authors: dict[str, int] = {name: number for number, name in rows("SELECT id, name FROM author")}
        self.author_names: dict[int, str] = {number: name for name, number in self.authors.items()}
        params: list[Any] = rows("SELECT p, type, name, by_patient FROM param").fetchall()
        self.params: dict[tuple[str, str], int] = {
            (self.type_names[kind], name): number for number, kind, name, _ in params
        }
        self.by_patient: set[int] = {number for number, _, _, by_patient in params if by_patient}
        self.tokens: Recent[tuple[str, str], int] = Recent()
        self.folded: Recent[tuple[str, str | None], list[int]] = Recent()
        self.resources: Recent[Key, int] = Recent()
        self.changed = 0


class Names:
    """The dictionaries as the query compiler sees them: numbers of names, None for what the store never met."""

    __slots__ = ("_additions", "_connection", "_counted", "_dictionary", "_glance")

    def __init__(
        self,
        dictionary: Dictionary,
        connection: apsw.Connection,
        glance: Callable[[str, Sequence[Any]], list[Any] | None],
        additions: Additions | None = None,
    ) -> None:
        """`glance` returns the rows of a statement, or None when they take long."""
        self._glance = glance
        self._dictionary = dictionary
        self._connection = connection
        self._additions = additions
        self._counted: dict[tuple[Statement, int], tuple[int, float]] = {}

    def type_id(self, name: str) -> int | None:
        """Return the number of the resource type `name`."""
        number = self._dictionary.types.get(name)
        return number if number is not None or self._additions is None else self._additions.types.get(name)

    def param_id(self, type: str, name: str) -> int | None:
        """Return the number of the index form `name` of `type`."""
        number = self._dictionary.params.get((type, name))
        return number if number is not None or self._additions is None else self._additions.params.get((type, name))

    def param_ids(self, type: str, name: str) -> list[int]:
        """Return the numbers of all forms of the parameter `name` of `type`."""
        return [number for form in FORMS if (number := self.param_id(type, name + form)) is not None]

    def is_by_patient(self, param: int) -> bool:
        """Return whether the form is kept by patient, or leads into the compartment of one."""
        added = self._additions is not None and param in self._additions.by_patient
        return added or param in self._dictionary.by_patient

    def live(self, type: str) -> int:
        """Return how many resources of `type` there were at the last commit."""
        row = self._connection.execute("SELECT live FROM type_count WHERE type = ?", (self.type_id(type),)).fetchone()
        return int(row[0]) if row else 0

    def is_large(self, type: str) -> bool:
        """See `Names.is_large`."""
        return self.live(type) >= LARGE

    def resource_id(self, type: str, id: str) -> int | None:
        """Return the row id of the resource `type`/`id`, be it only the target of references."""
        kind = self.type_id(type)
        if kind is None:
            return None
        key = (type, id)
        known: int | None = self._dictionary.resources.get(key)  # type: ignore[call-overload]
        if known is None and self._additions is not None:
            known = self._additions.resources.get(key)  # type: ignore[call-overload]
        if known is None:
            known = find_resource(self._connection, kind, id)
            if known is not None and self._additions is None:
                self._dictionary.resources.remember(Key(type, id), known)
        return known

    def token_ids(self, code: str, system: str | None) -> list[int]:
        """Return the numbers of the tokens with that code in any case, of any system when `system` is None."""
        fold = fold_code(code)
        kept = self._dictionary.folded
        found = kept.get((fold, system)) if self._additions is None else None
        if found is None:
            if system is None:
                rows = self._connection.execute("SELECT t FROM token WHERE fold = ?", (fold,))
            else:
                rows = self._connection.execute("SELECT t FROM token WHERE fold = ? AND system = ?", (fold, system))
            found = [row[0] for row in rows]
            if self._additions is None and found and kept.remember((fold, system), found):
                self._dictionary.changed += 1
        return found

    def first_since(self, time: int) -> int:
        """Return the lowest version row with `time` or later, or one beyond the last; times grow with row numbers."""
        low, high = 1, 1 + _highest(self._connection, "v", "version")
        while low < high:
            middle = (low + high) // 2
            row = self._connection.execute(
                "SELECT v, time FROM version WHERE v >= ? ORDER BY v LIMIT 1", (middle,)
            ).fetchone()
            if row is None or row[1] >= time:
                high = middle
            else:
                low = row[0] + 1
        return low

    def first(self, statement: Statement, limit: int) -> Sequence[int] | None:
        """Return the only column of up to `limit` rows of `statement`, None when that would take long."""
        rows = self._glance(f"{statement.sql} LIMIT ?", (*statement.arguments, limit))
        return None if rows is None else [row[0] for row in rows]

    def estimate(self, statement: Statement, limit: int) -> int:
        """Return the number of rows of `statement`, counted no further than `limit`; what was counted is kept a while.

        A number that is not true any more makes a search slower, never wrong.
        """
        asked = (statement, limit)
        found = self._counted.get(asked)
        now = monotonic()
        if found is None or now - found[1] > KEPT:
            sql = f"SELECT count(*) FROM ({statement.sql} LIMIT ?)"
            rows = self._glance(sql, (*statement.arguments, limit))
            if rows is None and spent().glancing >= GLANCES:
                # It was not looked at, so that nothing is known of it for other searches.
                return limit
            # What takes long to count is many.
            found = limit if rows is None else int(rows[0][0]), now
            if len(self._counted) >= COUNTS:
                self._counted.clear()
            self._counted[asked] = found
        return found[0]


def find_resource(connection: apsw.Connection, kind: int, id: str) -> int | None:
    """Return the row id of a resource."""
    for row in connection.execute("SELECT rid FROM resource WHERE type = ? AND id = ?", (kind, id)):
        return int(row[0])
    return None


def _highest(connection: apsw.Connection, column: str, table: str) -> int:
    return int(next(connection.execute(f"SELECT coalesce(max({column}), 0) FROM {table}"))[0])


class Additions:
    """What the running group adds, with the rows that are still to be inserted."""

    def __init__(self, dictionary: Dictionary, connection: apsw.Connection) -> None:
        self._dictionary = dictionary
        self._connection = connection
        self._maps = ("types", "authors", "params", "tokens", "resources")
        self.types: dict[str, int] = {}
        self.authors: dict[str, int] = {}
        self.params: dict[tuple[str, str], int] = {}
        self.tokens: dict[tuple[str, str], int] = {}
        self.resources: dict[Key, int] = {}
        self.by_type: dict[str, dict[str, int]] = {}
        self.by_patient: set[int] = set()
        self._next = {
            "type": _highest(connection, "id", "type"),
            "author": _highest(connection, "id", "author"),
            "param": _highest(connection, "p", "param"),
            "token": _highest(connection, "t", "token"),
            "resource": _highest(connection, "rid", "resource"),
        }
        self.rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in self._next}

    def _number(self, table: str) -> int:
        self._next[table] += 1
        return self._next[table]

    def type(self, name: str) -> int:
        """Return the number of a resource type."""
        number = self._dictionary.types.get(name) or self.types.get(name)
        if number is None:
            number = self.types[name] = self._number("type")
            self.rows["type"].append((number, name))
        return number

    def author(self, name: str) -> int:
        """Return the number of an author."""
        number = self._dictionary.authors.get(name) or self.authors.get(name)
        if number is None:
            number = self.authors[name] = self._number("author")
            self.rows["author"].append((number, name))
        return number

    def param(self, type: str, name: str, by_patient: bool) -> int:
        """Return the number of an index form, which is kept by patient or not."""
        key = (type, name)
        number = self._dictionary.params.get(key) or self.params.get(key)
        if number is None:
            number = self.params[key] = self._number("param")
            self.rows["param"].append((number, self.type(type), name, int(by_patient)))
            if by_patient:
                self.by_patient.add(number)
        return number

    def token(self, key: tuple[str, str]) -> int:
        """Return the number of a token (system, code)."""
        number = self._dictionary.tokens.get(key) or self.tokens.get(key)
        if number is not None:
            return number
        system, code = key
        fold = fold_code(code)
        found = self._connection.execute(
            "SELECT t FROM token WHERE fold = ? AND system = ? AND code = ?", (fold, system, code)
        ).fetchone()
        if found is not None:
            number = int(found[0])
            self._dictionary.tokens.remember(key, number)
            return number
        number = self.tokens[key] = self._number("token")
        self.rows["token"].append((number, fold, system, code))
        return number

    def resource(self, type: str, id: str) -> int:
        """Return the row id of a resource, a new one for a target that does not exist yet."""
        # A plain tuple equals the key and is made in a fraction of the time.
        plain: Any = (type, id)
        number = self._dictionary.resources.get(plain) or self.resources.get(plain)
        if number is not None:
            return number
        key = Key(type, id)
        kind = self.type(key.type)
        number = find_resource(self._connection, kind, key.id)
        if number is not None:
            self._dictionary.resources.remember(key, number)
            return number
        return self.add_resource(key, kind, None)

    def add_resource(self, key: Key, kind: int, current: int | None) -> int:
        """Give a resource that has no row one, and return its row id."""
        number = self.resources[key] = self._number("resource")
        self.rows["resource"].append((number, kind, key.id, current))
        return number

    def mark(self) -> tuple[int, ...]:
        """Return where we are, for `back`."""
        # In the order of `_maps`, spelled out: this is asked before every work.
        return len(self.types), len(self.authors), len(self.params), len(self.tokens), len(self.resources)

    def back(self, mark: tuple[int, ...]) -> None:
        """Forget the numbers given since `mark`."""
        for name, length in zip(self._maps, mark, strict=True):
            numbers = getattr(self, name)
            while len(numbers) > length:
                numbers.popitem()

    def forget(self) -> None:
        """Forget everything: the group is not kept."""
        self.back((0,) * len(self._maps))
        for rows in self.rows.values():
            rows.clear()

    def merge(self) -> None:
        """Make everything known to readers: the group is durable."""
        known = self._dictionary
        known.types.update(self.types)
        known.type_names.update((number, name) for name, number in self.types.items())
        known.authors.update(self.authors)
        known.author_names.update((number, name) for name, number in self.authors.items())
        known.params.update(self.params)
        known.by_patient |= self.by_patient
        self.by_patient.clear()
        for token, number in self.tokens.items():
            known.tokens.remember(token, number)
            # What a search knows of a code is no longer all there is.
            fold = fold_code(token[1])
            for system in (token[0], None):
                if known.folded.pop((fold, system), None) is not None:
                    known.changed += 1
        for key, number in self.resources.items():
            known.resources.remember(key, number)
        for name in self._maps:
            getattr(self, name).clear()
