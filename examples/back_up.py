"""Copy a store while the server runs: `python examples/back_up.py data/fhir.db backup/fhir.db`.

SQLite's online backup gives the state of one moment. Needs nothing but Python.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path


def back_up(store: Path, copy: Path) -> None:
    """Write a copy of `store`. Raises FileNotFoundError without a store, FileExistsError when `copy` is there."""
    if not store.exists():
        raise FileNotFoundError(f"There is no store at {store}.")
    if copy.exists():
        raise FileExistsError(f"{copy} is there already: choose another name, or remove it.")
    copy.parent.mkdir(parents=True, exist_ok=True)
    # Health data in the clear: for the owner of the copy alone.
    copy.touch(mode=0o600, exist_ok=False)
    with (
        closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


if __name__ == "__main__":
    try:
        back_up(Path(sys.argv[1]), Path(sys.argv[2]))
    except IndexError:
        sys.exit("usage: back_up.py STORE COPY")
    except OSError as error:
        sys.exit(str(error))
