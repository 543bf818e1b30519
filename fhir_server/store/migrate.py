"""Numbered migrations: `NNNN_name.sql` beside an adapter, applied in order, each in a transaction of its own.

What a file has seen is kept in its `meta` table under `schema`. A file that has seen more than this code knows is
refused: an older server must not write into tables it does not understand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol

from fhir_server.errors import StoreUnavailable


class Runs(Protocol):
    """A connection to what is migrated."""

    def execute(self, statements: str, bindings: Any = ..., /) -> Iterable[Any]:
        """Run SQL."""
        ...


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its number, its file name and its SQL."""

    number: int
    name: str
    sql: str


def migrations(package: str) -> list[Migration]:
    """Return the migrations in the folder `migrations` of `package`, in order, numbered without gaps from 1."""
    folder = resources.files(package) / "migrations"
    found = sorted(
        (
            Migration(int(file.name[:4]), file.name, file.read_text(encoding="utf-8"))
            for file in folder.iterdir()
            if file.name.endswith(".sql")
        ),
        key=lambda migration: migration.number,
    )
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"the migrations of {package} are not numbered without gaps from 1")
    return found


def schema_of(connection: Runs) -> int:
    """Return the number of the last migration that `connection` has seen, 0 when it is new.

    Raises StoreUnavailable for a database that another application has made.
    """
    if not list(connection.execute("SELECT 1 FROM sqlite_schema")):
        return 0
    kept = {column for (column,) in connection.execute("SELECT name FROM pragma_table_info('meta')")}
    ours = list(connection.execute("SELECT value FROM meta WHERE key = 'schema'")) if kept == {"key", "value"} else []
    if not ours:
        raise StoreUnavailable(
            "The database file has tables of another application: name a store of this server, or a file that is not "
            "there yet."
        )
    return int(ours[0][0])


def migrate(connection: Runs, steps: Sequence[Migration], *, prepare: Callable[[Runs], None] | None = None) -> int:
    """Bring `connection` to the last of `steps` and return its number; `prepare` runs once, with the first step.

    Raises StoreUnavailable when it is already beyond them, or not ours.
    """
    seen = schema_of(connection)
    known = steps[-1].number
    if seen > known:
        raise StoreUnavailable(
            f"The database has schema {seen}, this server knows schemas up to {known}: "
            "start it with the server version that wrote it, or a newer one."
        )
    for step in steps[seen:]:
        _apply(connection, step, prepare)
    return known


def _apply(connection: Runs, step: Migration, prepare: Callable[[Runs], None] | None) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(step.sql)
        if step.number == 1 and prepare is not None:
            prepare(connection)
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?)", (step.number,))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
