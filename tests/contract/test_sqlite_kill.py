"""kill -9 at any moment, then open again: every acknowledged transaction is there whole, and nothing half."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fhir_server.store.base import Key, RecordTable, Store
from fhir_server.store.connect import connect
from profiles.restriction import ALL

ROUNDS = 6

CHILD = """
import asyncio, os, random, signal, sys, threading
from concurrent.futures import ThreadPoolExecutor
from fhir_server.store.base import AuditRow, Key, RecordTable
from fhir_server.store.connect import connect
from tests.fakes.versions import coded, new

url, prefix, where = sys.argv[1:]

class Deadly(ThreadPoolExecutor):
    '''Kills the process a moment after one of its COMMITs has begun.'''
    left = random.randrange(3, 20)
    def submit(self, *work):
        Deadly.left -= 1
        if not Deadly.left:
            threading.Timer(random.random() * 0.002, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return super().submit(*work)

async def work(tx, name):
    for kind in ("Patient", "Observation", "Encounter"):
        await tx.put(new(Key(kind, name), 1, text="x" * 500), coded(name))
        await asyncio.sleep(0)
    await tx.records.put("done", name, {"by": name})
    await tx.audit(AuditRow(1, "w", "transaction", name, 200, name))

async def client(store, c):
    n = 0
    while True:
        name = f"{prefix}-{c}-{n}"
        await store.write(lambda tx: work(tx, name))
        os.write(1, (name + "\\n").encode())
        n += 1

async def main():
    store = await connect(url, tables=[RecordTable("done")])
    if where == "commit":
        store._writer._thread = Deadly(1)
    os.write(1, b"ready\\n")
    await asyncio.gather(*(client(store, c) for c in range(16)))

asyncio.run(main())
"""


def acknowledged(url: str, prefix: str, where: str) -> list[str]:
    """Run a process that writes until it is killed, and return what it was told is durable."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, url, prefix, where], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    if where == "anywhere":
        time.sleep(random.uniform(0, 0.15))
        child.kill()
    out, _ = child.communicate(timeout=30)
    assert child.returncode == -signal.SIGKILL
    # The last line may have been cut off.
    return [line.decode() for line in out.split(b"\n")[:-1]]


async def names(store: Store) -> list[str]:
    found: list[str] = []
    while page := await store.records.scan("done", found[-1] if found else "", 1000):
        found += [record.key for record in page]
    return found


async def verify(url: str, told: set[str]) -> None:
    store = await connect(url, tables=[RecordTable("done")])
    try:
        assert await store.check() == []
        kept = await names(store)
        assert told <= set(kept)
        counts = await store.counts()
        assert all(counts.get(kind, 0) == len(kept) for kind in ("Patient", "Observation", "Encounter"))
        for name in kept:
            for kind in ("Patient", "Observation", "Encounter"):
                assert await store.read(Key(kind, name), restriction=ALL) is not None
        audits = await store.audit_rows(limit=1 << 40)
        assert sorted(row.target for _, row in audits) == sorted(kept)
    finally:
        await store.close()


@pytest.mark.parametrize("where", ["anywhere", "commit"])
def test_nothing_acknowledged_is_lost(tmp_path: Path, where: str):
    url = f"sqlite:///{tmp_path}/fhir.db"
    told: set[str] = set()
    for n in range(ROUNDS):
        told.update(acknowledged(url, str(n), where))
        asyncio.run(verify(url, told))
    assert told
