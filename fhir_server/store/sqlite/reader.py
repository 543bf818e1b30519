"""Reading a SQLite store that another process writes: no lock, no writer, and always the newest commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw

from fhir_server.search.match import Criteria
from fhir_server.store.base import Key, RecordTable
from fhir_server.store.migrate import schema_of
from fhir_server.store.sqlite.concepts import SqliteConcepts
from fhir_server.store.sqlite.connection import Readers, refusal
from fhir_server.store.sqlite.dictionary import Dictionary, Names
from fhir_server.store.sqlite.indexing import IndexReading, IndexState
from fhir_server.store.sqlite.records import SqliteRecords


class SqliteReader(IndexReading):
    """See `Snapshot`. The file must exist; its writer may be anybody."""

    def __init__(
        self, path: Path, *, clock: Callable[[], int], criteria: Criteria, tables: Sequence[RecordTable]
    ) -> None:
        try:
            self._readers = Readers(path)
            schema_of(self._readers.connection)
            self._seen = -1
            dictionary = Dictionary(self._readers.connection)
            self._state = IndexState.of(dict(self._readers.connection.execute("SELECT key, value FROM meta")))
        except apsw.Error as error:
            raise refusal(error) from error
        super().__init__(
            self._readers, dictionary, Names(dictionary, self._readers.connection, self._readers.glance), criteria
        )
        self._concepts = SqliteConcepts(self._readers)
        self._records = SqliteRecords(self._readers, {table.name: table for table in tables}, clock)

    @property
    def records(self) -> SqliteRecords:
        """See `Snapshot.records`."""
        return self._records

    def audit_chain(self, after: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
        """See `Reading.audit_chain`."""
        try:
            rows: Any = self._readers.connection.execute(
                "SELECT seq, row, hash FROM audit WHERE seq > ? ORDER BY seq", (after,)
            )
            yield from rows
        except apsw.Error as error:
            raise refusal(error) from error

    @property
    def concepts(self) -> SqliteConcepts:
        """See `Snapshot.concepts`."""
        return self._concepts

    def _newest(self) -> int:
        row = self._readers.row("SELECT coalesce(max(v), 0) FROM version")
        return int(row[0]) if row else 0

    def _swept(self) -> int:
        row = self._readers.row("SELECT value FROM meta WHERE key = 'swept_to'")
        return int(row[0]) if row else 0

    def _index(self) -> IndexState:
        return self._state

    def _ready(self, *keys: Key) -> None:
        # The writer's new names are not ours to know but from the file, which tells when others have written it.
        row = self._readers.row("PRAGMA data_version")
        if row is not None and row[0] != self._seen:
            self._seen = row[0]
            self._dictionary = Dictionary(self._readers.connection)
            self._names = Names(self._dictionary, self._readers.connection, self._readers.glance)

    async def close(self) -> None:
        """Release the connections."""
        self._readers.close()
