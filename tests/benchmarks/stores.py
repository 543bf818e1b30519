"""The stores that searches are measured on, made in the folder of the run.

Making them takes most of the run's time. With `FHIR_BENCH_CACHE` naming a folder they are kept there, and taken from
there when the data and the store's formats are still the same.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from fhir_server.store.connect import connect
from tests.benchmarks import million
from tests.benchmarks.copies import Synthea
from tests.benchmarks.processes import REPOSITORY

LINES = 2000
"""Resources in one file, so that the processes of a load share the work."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Paths: the set once, all its copies, and the Observations to be counted (`matching` of them)."""

    once: Path
    copies: Path
    counted: Path
    matching: int


def stores(synthea: Synthea, scale: int, folder: Path) -> Stores:
    """Return the stores, made below `folder`, with `scale` copies of the set; 16 copies go with a million to count."""
    formats = asyncio.run(_formats(folder / "formats.db"))
    data = f"{synthea.digest()[:16]}-{formats}"
    made = Stores(folder / "once.db", folder / "copies.db", folder / "counted.db", scale * million.PER_COPY)
    kept = {made.once: f"once-{data}", made.copies: f"copies-{scale}-{data}"}
    if not all(_taken(path, name) for path, name in kept.items()):
        for path in kept:
            path.unlink(missing_ok=True)
        _load(synthea, scale, made)
        for path, name in kept.items():
            _keep(path, name)
    counted = f"counted-{scale}-{million.digest()[:16]}-{formats}"
    if not _taken(made.counted, counted):
        million.fill(made.counted, made.matching)
        _settle(made.counted)
        _keep(made.counted, counted)
    return made


async def _formats(path: Path) -> str:
    store = await connect(f"sqlite:///{path}")
    try:
        known = await store.describe()
    finally:
        await store.close()
    return f"{known['schema']}-{known['index_format']}"


def _load(synthea: Synthea, scale: int, made: Stores) -> None:
    """Load the set; what is there then is the first store, and the second when the other copies are in too."""
    _into(made.copies, chain(synthea.shared, synthea.copy(0).lines()))
    _settle(made.copies)
    shutil.copyfile(made.copies, made.once)
    if scale > 1:
        _into(made.copies, chain.from_iterable(synthea.copy(number).lines() for number in range(1, scale)))
        _settle(made.copies)


def _into(store: Path, lines: Iterator[bytes]) -> None:
    """Run `fhir-server load` on `lines`."""
    folder = store.with_suffix(".ndjson")
    folder.mkdir()
    number = 0
    while part := list(islice(lines, LINES)):
        (folder / f"{number:05}.ndjson").write_bytes(b"\n".join(part))
        number += 1
    command = [sys.executable, "-m", "fhir_server", "load", str(folder), "--store", f"sqlite:///{store}"]
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)


def _settle(store: Path) -> None:
    """Bring the log into the file, so that the file alone is the store."""
    with sqlite3.connect(store) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def _cache() -> Path | None:
    named = os.environ.get("FHIR_BENCH_CACHE")
    return Path(named) if named else None


def _taken(path: Path, name: str) -> bool:
    cache = _cache()
    if cache is None or not (cache / f"{name}.db").exists():
        return False
    shutil.copyfile(cache / f"{name}.db", path)
    return True


def _keep(path: Path, name: str) -> None:
    cache = _cache()
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, cache / f"{name}.part")
        (cache / f"{name}.part").replace(cache / f"{name}.db")
