"""Terminologies from the command line: loaded, listed, removed, and neither half in nor in memory."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.benchmarks.loaded import GROWTH, loaded
from tests.fakes.command import fhir_server
from tests.fakes.releases import LOINC, write, zipped

STATUS = Path("/proc/self/status")


def test_a_release_is_loaded_listed_and_removed(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/fhir.db"
    release = zipped(tmp_path / "Loinc_2.99.zip", LOINC)
    done = fhir_server("terminology", "load", str(release), "--store", store, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Loaded LOINC 2.99: 4 concepts (http://loinc.org)" in done.stdout
    listed = fhir_server("terminology", "list", "--store", store, folder=tmp_path)
    assert ["http://loinc.org", "2.99", "4", "LOINC"] in [line.split() for line in listed.stdout.splitlines()]
    gone = fhir_server("terminology", "remove", "http://loinc.org|2.98", "--store", store, folder=tmp_path)
    assert gone.returncode == 1
    assert "Not loaded: http://loinc.org|2.98" in gone.stderr
    assert fhir_server("terminology", "remove", "http://loinc.org", "--store", store, folder=tmp_path).returncode == 0
    assert "loinc" not in fhir_server("terminology", "list", "--store", store, folder=tmp_path).stdout


def test_lines_that_cannot_be_read_are_told_with_their_place(tmp_path: Path) -> None:
    folder = write(tmp_path / "Loinc_2.99", {"Loinc.csv": '"LOINC_NUM","LONG_COMMON_NAME","STATUS"\n"x","y","z"\n'})
    store = f"sqlite:///{tmp_path}/fhir.db"
    done = fhir_server("terminology", "load", str(folder), "--store", store, folder=tmp_path)
    assert done.returncode == 1
    assert "nothing was loaded, 1 lines cannot be read:" in done.stderr
    assert "Loinc.csv, line 2: it has no LOINC code." in done.stderr
    assert fhir_server("terminology", "load", str(tmp_path / "none"), "--store", store, folder=tmp_path).returncode == 2


KILLED = """
import asyncio, os, sys
from fhir_server.app import open_tenant
from fhir_server.settings import Settings
from fhir_server.terminologies.load import load
from tests.benchmarks.big_terminology import big

def moved(what, done, total):
    os.write(1, (what + "\\n").encode())

async def main():
    async with open_tenant(Settings(store=sys.argv[1], auth="open")) as tenant:
        await load(tenant.services, big(int(sys.argv[2])), moved=moved)

asyncio.run(main())
"""


@pytest.mark.parametrize("phase", ["Reading", "Indexing"])
def test_a_load_that_is_killed_leaves_what_was_there_and_can_be_repeated(tmp_path: Path, phase: str) -> None:
    store = f"sqlite:///{tmp_path}/fhir.db"

    def count() -> str:
        listed = fhir_server("terminology", "list", "--store", store, folder=tmp_path)
        return next(line.split()[-2] for line in listed.stdout.splitlines()[1:])

    arguments = [sys.executable, "-c", KILLED, store]
    assert subprocess.run([*arguments, "700"], stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert count() == "700"
    child = subprocess.Popen([*arguments, "5000"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    while child.stdout.readline().decode().strip() != phase:
        assert child.poll() is None
    time.sleep(0.02)
    child.kill()
    child.communicate(timeout=30)
    assert child.returncode == -signal.SIGKILL
    assert count() == "700"
    assert fhir_server("check", "--store", store, folder=tmp_path).returncode == 0
    assert subprocess.run([*arguments, "5000"], stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert count() == "5,000"


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc to measure a process")
def test_a_million_concepts_never_live_on_the_heap(tmp_path: Path) -> None:
    count, _, before, most = loaded(tmp_path / "fhir.db", 1_000_000)
    assert count == 1_000_000
    assert most - before < GROWTH
