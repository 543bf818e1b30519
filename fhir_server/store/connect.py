"""From a store URL to an open store. Drivers are imported only for the engine that is asked for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fhir_server.errors import StoreUnavailable
from fhir_server.search.match import Criteria
from fhir_server.search.query import Node
from fhir_server.store.base import Reading, RecordTable, Store

CURSOR_LIFETIME = 3600.0
"""Seconds for which a page walk can be continued."""
READ_BUDGET = 0.020
"""Seconds a query may hold the event loop before it is moved to a thread."""
SEARCH_BUDGET = 5.0
"""Seconds a query may take in a thread."""

_MEMORY = ("memory:", "sqlite://", "sqlite:///:memory:")


def now() -> int:
    """Return microseconds since 1970 UTC."""
    return time.time_ns() // 1000


async def connect(
    url: str,
    *,
    clock: Callable[[], int] = now,
    criteria: Criteria | None = None,
    tables: Sequence[RecordTable] = (),
    cursor_lifetime: float = CURSOR_LIFETIME,
    compress: bool = False,
    read_budget: float = READ_BUDGET,
    search_budget: float = SEARCH_BUDGET,
) -> Store:
    """Return the store at `url`, made if it does not exist.

    `sqlite:///relative/file.db`, `sqlite:////absolute/file.db`, or `memory:` (`sqlite://`) for a store that is gone
    when it closes. `clock` tells microseconds since 1970; `criteria` makes query nodes of the parameters in
    restrictions; `tables` declare the records; `cursor_lifetime` is in seconds; `compress` keeps bodies as zstd.
    A query that takes longer than `read_budget` seconds leaves the event loop, one that takes longer than
    `search_budget` is refused; a store in memory has no such limits.
    Raises StoreUnavailable when the file cannot be opened, is written by another process, or is newer than this code.
    """
    given = criteria or _no_criteria
    if url in _MEMORY:
        from fhir_server.store.memory import MemoryStore

        return MemoryStore(clock=clock, criteria=given, tables=tables, lifetime=cursor_lifetime)
    if url.startswith("sqlite:///"):
        open_file = partial(_sqlite, clock=clock, criteria=given, tables=tables, lifetime=cursor_lifetime)
        path = Path(url.removeprefix("sqlite:///"))
        return open_file(path, compress=compress, budgets=(read_budget, search_budget))
    raise StoreUnavailable(
        f"No store understands the URL scheme {url.partition(':')[0]!r}: use sqlite:///path/to/file.db or memory:"
    )


@asynccontextmanager
async def reading(
    url: str, *, clock: Callable[[], int] = now, criteria: Criteria | None = None, tables: Sequence[RecordTable] = ()
) -> AsyncIterator[Reading]:
    """Open the SQLite store at `url` for reading alone, whoever writes it; every answer is as of the newest commit.

    Raises StoreUnavailable when it does not exist or is of another kind.
    """
    if not shareable(url):
        raise StoreUnavailable("Only a store in a SQLite file can be read beside its writer.")
    from fhir_server.store.sqlite.reader import SqliteReader

    path = path_of(url)
    reader = SqliteReader(path, clock=clock, criteria=criteria or _no_criteria, tables=tables)
    try:
        yield reader
    finally:
        await reader.close()


def shareable(url: str) -> bool:
    """Return whether the store at `url` can be read by another process than the one that writes it."""
    return url.startswith("sqlite:///") and url not in _MEMORY


def path_of(url: str) -> Path:
    """Return the file of a store that is shareable."""
    return Path(url.removeprefix("sqlite:///"))


def _sqlite(path: Path, *, budgets: tuple[float, float], **given: Any) -> Store:
    from fhir_server.store.sqlite.connection import Budgets
    from fhir_server.store.sqlite.store import SqliteStore

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"{path.parent} cannot be made: {error.strerror}"
        raise StoreUnavailable(f"The database {path.name} cannot be opened: the folder {why}.") from error
    try:
        return SqliteStore(path, budgets=Budgets(*budgets), **given)
    except OSError as error:
        raise StoreUnavailable(f"The database {path.name} cannot be opened: {error.strerror}.") from error


def _no_criteria(type: str, parameters: Sequence[tuple[str, str]]) -> Node:
    raise LookupError("a restriction by search parameters needs a store that was opened with `criteria`")
