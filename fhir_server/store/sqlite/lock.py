"""The lock beside the database file: exactly one process writes it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from fhir_server.errors import StoreHeld


class Lock:
    """An advisory lock on `<database>.lock`, held until `release` or the end of the process."""

    def __init__(self, database: Path) -> None:
        """Take the lock. Raises StoreHeld when another store holds it."""
        self._file = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip()
            os.close(self._file)
            raise StoreHeld(
                f"The database {database.name} is open for writing in another process (process id "
                f"{holder or 'unknown'}): one process writes a SQLite store. Stop it, or go through the running server."
            ) from error
        os.truncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock up. The file stays: removing it would race with the next one to take it."""
        os.close(self._file)
