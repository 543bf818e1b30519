"""`fhir-server load` of the Synthea set, against raw inserts of the same rows; start time and memory.

The baseline reads every row the load left in its database and inserts it with `sqlite3.executemany`, in arrival order,
into an empty database with the same schema and PRAGMAs, 1,000 rows a transaction. The calibration does no parsing, no
validation, no extraction and no full text.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import REPOSITORY, free_port, memory, our_server, serve_arguments, spawn, wait_for
from tests.fakes.shared import SHARED_DATA

CHUNK = 1000
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "cache_size=-65536",
    "wal_autocheckpoint=50000",
    "secure_delete=ON",
)
ROUNDS = 3
FULL_TEXT = "idx_text"
"""Left out of the baseline: its words cannot be read back, and the standard library's SQLite is too old for it."""


def load(store: Path) -> float:
    """Load the Synthea set from the shell; return the seconds it took, start of the program included."""
    command = [sys.executable, "-m", "fhir_server", "load", str(SHARED_DATA / "synthea-dev"), "--store"]
    started = time.perf_counter()
    subprocess.run([*command, f"sqlite:///{store}"], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


Pieces = list[tuple[str, list[tuple[Any, ...]]]]


def tables(database: sqlite3.Connection) -> tuple[list[str], Pieces]:
    """Return the schema, and per table its insert statement with all rows in the order the versions came."""
    schema: list[str] = []
    filled: Pieces = []
    masters = database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    for kind, name, sql in masters.fetchall():
        if name.startswith(("sqlite_", FULL_TEXT)):
            continue
        schema.append(sql)
        if kind == "table":
            columns = [row[1] for row in database.execute(f'PRAGMA table_info("{name}")')]
            order = "v" if "v" in columns else columns[0]
            rows = database.execute(f'SELECT * FROM "{name}" ORDER BY {order}').fetchall()
            filled.append((f'INSERT INTO "{name}" VALUES ({",".join("?" * len(columns))})', rows))
    return schema, filled


def transactions(filled: Pieces) -> list[Pieces]:
    """Spread the rows over transactions of 1,000 rows, each with its share of every table."""
    parts = max(1, sum(len(rows) for _, rows in filled) // CHUNK)
    return [
        [(sql, rows[len(rows) * part // parts : len(rows) * (part + 1) // parts]) for sql, rows in filled]
        for part in range(parts)
    ]


def insert_raw(loaded: Path, target: Path) -> float:
    """Insert the rows of `loaded` into a fresh database; return the seconds the inserts took."""
    source = sqlite3.connect(loaded)
    schema, filled = tables(source)
    source.close()
    database = sqlite3.connect(target, isolation_level=None)
    for pragma in PRAGMAS:
        database.execute(f"PRAGMA {pragma}")
    for sql in schema:
        database.execute(sql)
    work = transactions(filled)
    started = time.perf_counter()
    for pieces in work:
        database.execute("BEGIN IMMEDIATE")
        for sql, rows in pieces:
            database.executemany(sql, rows)
        database.execute("COMMIT")
    took = time.perf_counter() - started
    database.close()
    return took


def measure() -> list[Figure]:
    """Return the figures of loading, starting and memory."""
    expected = json.loads((SHARED_DATA / "synthea-dev" / "EXPECTED.json").read_text())
    with tempfile.TemporaryDirectory() as name:
        folder, ratios, rates = Path(name), [], []
        for number in range(ROUNDS):
            store = folder / f"loaded-{number}.db"
            took = load(store)
            ratios.append(insert_raw(store, folder / f"raw-{number}.db") / took)
            rates.append(sum(each["entries"] for each in expected["files"].values()) / took)
        ratio = statistics.median(ratios)
        figures = [
            Figure(
                "fhir-server load of the Synthea set",
                f"{ratio:.2f} x raw executemany ({statistics.median(rates):,.0f} resources/s)",
                "0.5 x",
                ratio >= 0.5,
            )
        ]
        with our_server(folder / "loaded-0.db") as (_, server):
            served = memory(server.pid)
        return [
            *figures,
            _start(folder),
            _memory(folder),
            Figure("memory, serving that store", f"{served:.0f} MB", "250 MB", served < 250),
        ]


def _start(folder: Path) -> Figure:
    times = []
    for number in range(ROUNDS):
        port = free_port()
        server = spawn(serve_arguments(port, folder / f"empty-{number}.db"))
        times.append(wait_for(f"http://127.0.0.1:{port}/fhir/metadata"))
        server.terminate()
        server.wait(20)
    took = statistics.median(times)
    return Figure("start to first answer, empty store", f"{took:.2f} s", "under 1.0 s", took < 1.0)


def _memory(folder: Path) -> Figure:
    """Load the set into a running server over HTTP and read its memory afterwards."""
    with our_server(folder / "over-http.db") as (base, server):
        command = [sys.executable, "-m", "fhir_server", "load", str(SHARED_DATA / "synthea-dev"), "--url", base]
        subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ))
        used = memory(server.pid)
    return Figure("memory of the server after loading the set over HTTP", f"{used:.0f} MB", "under 250 MB", used < 250)
