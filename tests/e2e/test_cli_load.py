"""`fhir-server load` on real files: exact counts, also when it is killed again and again."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fhir_server.interactions import relating
from fhir_server.interactions.relating import RELATION_TABLE
from fhir_server.store.connect import connect
from tests.fakes.brought import added
from tests.fakes.command import Running, environment, fhir_server

STORE = "sqlite:///fhir.db"


def counts(folder: Path) -> dict[str, int]:
    """Return the store's resources per type, without what every store has, after a check that finds nothing."""

    async def ask() -> dict[str, int]:
        store = await connect(f"sqlite:///{folder}/fhir.db")
        try:
            assert await store.check() == []
            return added(await store.counts())
        finally:
            await store.close()

    return asyncio.run(ask())


def expected(folder: Path, *names: str) -> dict[str, int]:
    """Return the counts that the data's own index promises for `names`, or for everything."""
    index: dict[str, Any] = json.loads((folder / "EXPECTED.json").read_text())
    totals: dict[str, int] = {}
    for name in names:
        for kind, number in index["files"][name]["counts"].items():
            totals[kind] = totals.get(kind, 0) + number
    return totals or dict(index["totals"])


KILLS = 4
"""At moments at which the load has hardly begun or is in the middle of a file."""
SMALL = ("00-hospitalInformation", "00-practitionerInformation", "b-be9d18f7-f230-dadc-049e-c13d3a4ac079")


def test_batches_and_a_transaction_that_refers_into_them_give_the_promised_counts(
    tmp_path: Path, shared_data: Path
) -> None:
    data = shared_data / "synthea-dev"
    files = [str(data / f"{name}.json.gz") for name in SMALL]
    first = fhir_server("load", *files, "--store", STORE, folder=tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    assert counts(tmp_path) == expected(data, *SMALL)
    again = fhir_server("load", *files, "--store", STORE, folder=tmp_path)
    assert again.returncode == 0
    assert "958 already there" in again.stdout.replace("\n", "") or "958" in again.stdout
    assert counts(tmp_path) == expected(data, *SMALL)


def test_failures_are_named_in_the_output_and_in_the_exit_code(tmp_path: Path) -> None:
    good, bad = {"resourceType": "Patient", "id": "a"}, {"resourceType": "Patient", "id": "b", "gender": "unclear"}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "p.ndjson").write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n")
    (tmp_path / "in" / "index.json").write_text("{}")
    (tmp_path / "in" / "broken.json.gz").write_bytes(gzip.compress(b"{}")[:-9])
    loaded = fhir_server("load", "in", "--store", STORE, folder=tmp_path)
    assert loaded.returncode == 1
    assert "p.ndjson, entry 2: Patient.gender" in loaded.stdout
    assert "index.json was left aside" in loaded.stdout
    assert "broken.json.gz: The file cannot be read" in loaded.stdout
    assert counts(tmp_path) == {"Patient": 1}


def test_another_server_is_fed_over_http(tmp_path: Path, shared_data: Path) -> None:
    data = shared_data / "synthea-dev"
    files = [str(data / f"{name}.json.gz") for name in SMALL]
    with Running(["serve", "--auth", "open", "--port", "0", "--store", STORE], tmp_path) as server:
        fed = fhir_server("load", *files, "--url", f"{server.root}/fhir", folder=tmp_path)
        assert fed.returncode == 0, fed.stdout + fed.stderr
    assert counts(tmp_path) == expected(data, *SMALL)


def test_a_server_that_is_not_there_is_a_failure_not_a_doubt(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"resourceType":"Patient","id":"a"}')
    fed = fhir_server("load", "p.json", "--url", "http://127.0.0.1:9/fhir", folder=tmp_path)
    assert fed.returncode == 1
    assert "not sent: http://127.0.0.1:9/fhir cannot be reached" in fed.stdout


@pytest.mark.slow
def test_the_whole_set_gives_exactly_the_counts_of_its_index(tmp_path: Path, shared_data: Path) -> None:
    data = shared_data / "synthea-dev"
    loaded = fhir_server("load", str(data), "--store", STORE, folder=tmp_path, timeout=600)
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    assert counts(tmp_path) == expected(data)


@pytest.mark.slow
def test_a_load_that_is_killed_again_and_again_ends_with_exactly_the_right_counts(
    tmp_path: Path, shared_data: Path
) -> None:
    data = shared_data / "synthea-dev"
    lines = [json.dumps({"resourceType": "Basic", "code": {"text": str(number)}}) for number in range(60_000)]
    (tmp_path / "lines.ndjson.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    files = [*(str(data / f"{name}.json.gz") for name in SMALL), "lines.ndjson.gz"]
    command = [sys.executable, "-m", "fhir_server.cli", "load", *files, "--store", STORE, "--jobs", "2"]
    surroundings = environment(PYTHONPATH=str(Path(__file__).parents[2]))
    chance = random.Random(20260101)
    kills = 0
    while True:
        load = subprocess.Popen(command, cwd=tmp_path, env=surroundings, stdout=subprocess.PIPE)
        try:
            load.wait(chance.uniform(0.4, 1.0) if kills < KILLS else None)
            break
        except subprocess.TimeoutExpired:
            load.kill()
            load.communicate()
            kills += 1
            time.sleep(0.05)
    said = load.communicate()[0].decode()
    assert load.returncode == 0, said
    assert kills == KILLS
    assert counts(tmp_path) == expected(data, *SMALL) | {"Basic": 60_000}


@pytest.mark.parametrize("ending", ["ndjson", "json"])
def test_what_is_loaded_opens_care_relations_in_the_same_commit(tmp_path: Path, ending: str) -> None:
    subject, member = {"reference": "Patient/p"}, {"member": {"reference": "PractitionerRole/r"}}
    resources: list[dict[str, Any]] = [
        {"resourceType": "CareTeam", "id": "t", "status": "active", "subject": subject, "participant": [member]},
        {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/d"}},
        {"resourceType": "Practitioner", "id": "d"},
        {"resourceType": "Patient", "id": "p"},
    ]
    if ending == "ndjson":
        text = "\n".join(map(json.dumps, resources))
    else:
        puts = [{"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"} for each in resources]
        entries = [{"resource": each, "request": put} for each, put in zip(resources, puts, strict=True)]
        text = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    (tmp_path / f"data.{ending}").write_text(text)
    loaded = fhir_server("load", f"data.{ending}", "--store", STORE, folder=tmp_path)
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr

    async def pairs() -> list[str]:
        store = await connect(f"sqlite:///{tmp_path}/fhir.db", tables=relating.TABLES)
        try:
            return [each.value["pair"] for each in await store.records.scan(RELATION_TABLE.name)]
        finally:
            await store.close()

    assert asyncio.run(pairs()) == ["d/p"]
