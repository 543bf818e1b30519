"""`kill -9` while a platform moves in: the next run goes on, and what is there then is what one run would have made.

The runs that are killed have a process that prepares, the one that is not killed has none.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from fhir_server.interactions.call import Call
from fhir_server.interactions.search import search
from fhir_server.loading.pieces import LOADER
from fhir_server.model.fhir_json import parse
from tests.fakes.command import environment, fhir_server
from tests.fakes.desk import desk_of
from tests.fakes.dump import in_order, many, read_dump, write_dump

PATIENTS = 60
KILLS = 5
"""Kills that must come while something, and not all, of the dump is in."""
PATIENCE = 180.0
TYPES = (
    *("Patient", "Practitioner", "PractitionerRole", "Consent", "Appointment", "Composition", "Encounter"),
    *("DocumentReference", "Binary", "Provenance", "Communication"),
)


def ids_in(store: Path) -> int:
    """Return how many former ids are committed, as another process sees it."""
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=5)) as reader:
            return int(reader.execute("SELECT count(*) FROM record WHERE tbl = 'former'").fetchone()[0])
    except sqlite3.OperationalError:
        # The store has not been made yet.
        return 0


def kill_at_work(store: Path, dump: Path, commits: int) -> bool:
    """Move in, and kill the process after the log was written to so many times; return whether it was still at work."""
    command = [sys.executable, "-m", "fhir_server.cli", "import-view", str(dump), "--store", f"sqlite:///{store}"]
    command += ["--jobs", "2"]
    here = str(Path(__file__).parents[2])
    process = subprocess.Popen(command, env=environment(PYTHONPATH=here), stdout=subprocess.DEVNULL)
    log, seen = store.with_name(f"{store.name}-wal"), set[int]()
    ends = time.monotonic() + PATIENCE
    while process.poll() is None and len(seen) <= commits and time.monotonic() < ends:
        if log.exists():
            seen.add(log.stat().st_mtime_ns)
        time.sleep(0.001)
    process.kill()
    return process.wait() != 0


async def counted(store: Path) -> dict[str, int]:
    """Return how many resources of each type there are."""
    found = {}
    async with desk_of(store=f"sqlite:///{store}", telemed_profiles=True) as desk:
        for type in TYPES:
            result = await search(Call(desk.services, LOADER, "test", type, parameters=[("_summary", "count")]))
            found[type] = parse(result.body or b"{}")["total"]
    return found


async def test_what_is_killed_again_and_again_ends_as_what_was_never_stopped(tmp_path: Path) -> None:
    dump = write_dump(tmp_path / "dump", many(PATIENTS))
    store = tmp_path / "fhir.db"
    before, commits = [0], 4
    while len(before) <= KILLS:
        assert kill_at_work(store, dump, commits)
        if (now := ids_in(store)) > before[-1]:
            before.append(now)
        else:
            # It was killed before it had gone on from where it was.
            commits += 1
    ended = fhir_server("import-view", str(dump), "--store", f"sqlite:///{store}", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert before[-1] < ids_in(store)
    out = fhir_server("export-view", "out", "--store", f"sqlite:///{store}", folder=tmp_path)
    assert out.returncode == 0, out.stderr
    assert read_dump(tmp_path / "out") == in_order(many(PATIENTS))
    assert fhir_server("check", "--store", f"sqlite:///{store}", folder=tmp_path).returncode == 0

    whole = tmp_path / "whole.db"
    ended = fhir_server("import-view", str(dump), "--jobs", "1", "--store", f"sqlite:///{whole}", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    there = await counted(store)
    assert there == await counted(whole)
    assert there["Composition"] == there["Provenance"] == there["Encounter"] == PATIENTS
