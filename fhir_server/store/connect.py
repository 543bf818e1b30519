"""From a store URL to an open store. Drivers are imported only for the engine that is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from fhir_server.errors import StoreUnavailable
from fhir_server.search.match import Criteria
from fhir_server.search.query import Node
from fhir_server.store.base import RecordTable, Store

CURSOR_LIFETIME = 3600.0
"""Seconds for which a page walk can be continued."""

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
) -> Store:
    """Return the store at `url`, made if it does not exist.

    `sqlite:///relative/file.db`, `sqlite:////absolute/file.db`, or `memory:` (`sqlite://`) for a store that is gone
    when it closes. `clock` tells microseconds since 1970; `criteria` makes query nodes of the parameters in
    restrictions; `tables` declare the records; `cursor_lifetime` is in seconds; `compress` keeps bodies as zstd.
    Raises StoreUnavailable when the file cannot be opened, is written by another process, or is newer than this code.
    """
    given = criteria or _no_criteria
    if url in _MEMORY:
        from fhir_server.store.memory import MemoryStore

        return MemoryStore(clock=clock, criteria=given, tables=tables, lifetime=cursor_lifetime)
    if url.startswith("sqlite:///"):
        return _sqlite(Path(url.removeprefix("sqlite:///")), clock, given, tables, cursor_lifetime, compress)
    raise StoreUnavailable(
        f"No store understands the URL scheme {url.partition(':')[0]!r}: use sqlite:///path/to/file.db or memory:"
    )


def _sqlite(
    path: Path,
    clock: Callable[[], int],
    criteria: Criteria,
    tables: Sequence[RecordTable],
    lifetime: float,
    compress: bool,
) -> Store:
    from fhir_server.store.sqlite.store import SqliteStore

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return SqliteStore(path, clock=clock, criteria=criteria, tables=tables, lifetime=lifetime, compress=compress)
    except OSError as error:
        raise StoreUnavailable(f"The database {path.name} cannot be opened: {error.strerror}.") from error


def _no_criteria(type: str, parameters: Sequence[tuple[str, str]]) -> Node:
    raise LookupError("a restriction by search parameters needs a store that was opened with `criteria`")
