"""Loading with processes that prepare: the same results, whatever becomes of those processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhir_server.interactions.call import Limits, Services
from fhir_server.interactions.ids import id_maker
from fhir_server.loading import pieces
from fhir_server.loading.into_store import into_store
from fhir_server.loading.pipe import Done, Head, Piece
from fhir_server.loading.report import FileReport
from fhir_server.loading.settled import TABLE
from fhir_server.loading.sources import Source, find
from fhir_server.loading.workers import Workers
from fhir_server.preparers.pipe import Setup
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.store.connect import connect
from profiles.validation.validator import Validator

Json = dict[str, Any]
BASE = "http://s.example/fhir"
REGISTRY = Registry()
EXTRACTOR = Extractor(REGISTRY)
VALIDATOR = Validator()


def seven(id: str | None = None) -> Json:
    return {
        "resourceType": "Patient",
        **({"id": id} if id else {}),
        "identifier": [{"system": "http://i.example", "value": "7"}],
    }


def about(reference: str) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": reference},
    }


def post(resource: Json, **request: str) -> Json:
    return {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"], **request}}


def transaction(*entries: Json) -> str:
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def files(folder: Path) -> dict[str, int]:
    """Write files that refer from one into another, and return what must be in the store after them."""
    conditional = about("Patient?identifier=http://i.example|7")
    lines = [json.dumps(about("Patient/seven")) for _ in range(2500)]
    lines[1200] = json.dumps(about("Patient/seven") | {"status": "unheard-of"})
    lines[1300] = "{oops"
    bad = transaction(post(about("Patient/seven")), post({"resourceType": "Patient", "birthDate": "1990-02-30"}))
    contents = {
        "1-patient.json": json.dumps(seven("seven")),
        "2-refers.json": transaction(post(conditional), post(conditional)),
        "3-once.json": transaction(post(seven(), ifNoneExist="identifier=http://i.example|7")),
        "4-lines.ndjson": "\n".join(lines),
        "5-bad.json": bad,
        "6-deletes.json": transaction(
            {"request": {"method": "DELETE", "url": "Patient/other"}},
            post({"resourceType": "Basic", "code": {"text": "x"}}),
        ),
        "7-index.json": "{}",
        "8-broken.json": "{",
        "9-refers.json": transaction(post(conditional)),
    }
    for name, content in contents.items():
        (folder / name).write_text(content)
    return {"Patient": 1, "Observation": 2 + 2498 + 1, "Basic": 1}


async def load(
    folder: Path, database: Path, jobs: int, spoil: Callable[[Workers], None] | None = None, *, helps: bool = False
) -> list[Any]:
    """Load a folder; return the reports, the counts, and how many files somebody had taken ahead of the writing.

    `helps` lets the writing process prepare beside its workers.
    """
    sources = find([folder])
    async with Workers(jobs, sources) as workers:
        store = await connect(f"sqlite:///{database}", tables=[TABLE])
        services = Services(store, REGISTRY, EXTRACTOR, VALIDATOR, BASE, b"s" * 32, Limits(), id_maker())
        try:
            await workers.begin(Setup(f"sqlite:///{database}", BASE, services.limits), services if helps else None)
            if spoil:
                spoil(workers)
            reports: list[FileReport] = []
            helped = 0
            for source in sources:
                ahead = workers.ahead()
                helped += ahead is not None
                reports.append(await into_store(services, source, lambda *_: None, ahead))
            assert await store.check() == []
            return [reports, dict(await store.counts()), helped]
        finally:
            await store.close()


def told(reports: list[FileReport]) -> list[Any]:
    return [(r.path.name, r.entries, r.created, r.updated, r.skipped, r.failed, r.failures, r.note) for r in reports]


@pytest.mark.parametrize(("jobs", "helps"), [(1, False), (3, False), (1, True)])
def test_processes_that_prepare_change_no_result(tmp_path: Path, jobs: int, helps: bool) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    expected = files(folder)
    alone, counts, _ = asyncio.run(load(folder, tmp_path / "alone.db", 0))
    assert counts == expected
    helped, counts, taken = asyncio.run(load(folder, tmp_path / "helped.db", jobs, helps=helps))
    assert counts == expected
    assert 0 < taken <= 9  # how many of them is a matter of speed
    assert told(helped) == told(alone)
    again, counts, _ = asyncio.run(load(folder, tmp_path / "helped.db", jobs, helps=helps))
    assert counts == expected
    assert sum(report.created for report in again) == 0
    assert [r.skipped for r in again] == [r.created + r.updated + r.skipped for r in alone]


@pytest.mark.parametrize("helps", [False, True])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_load_goes_on_when_its_helpers_are_killed(tmp_path: Path, how: signal.Signals, helps: bool) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    expected = files(folder)

    def kill(workers: Workers) -> None:
        for process in workers.processes:
            os.kill(process.pid, how)

    _, counts, _ = asyncio.run(load(folder, tmp_path / "fhir.db", 2, kill, helps=helps))
    assert counts == expected


def test_no_process_is_left_when_a_load_is_broken_off(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    files(folder)
    pids: list[int] = []

    def interrupt(workers: Workers) -> None:
        pids.extend(process.pid for process in workers.processes)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(load(folder, tmp_path / "fhir.db", 2, interrupt))
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_is_not_wanted_any_more_does_not_hold_a_worker_up(tmp_path: Path) -> None:
    """The first file waits for its turn and is left; the next is prepared all the same."""
    folder = tmp_path / "in"
    folder.mkdir()
    unknown = transaction(post(about("Patient?identifier=http://i.example|8")))
    (folder / "1.json").write_text(unknown)
    (folder / "2.json").write_text(transaction(post(seven())))

    async def on() -> tuple[Head | Piece | Done, ...]:
        url = f"sqlite:///{tmp_path / 'fhir.db'}"
        store = await connect(url, tables=[TABLE])
        try:
            async with Workers(1, find([folder])) as workers:
                await workers.begin(Setup(url, BASE, Limits()))
                first = workers.ahead()
                assert first is not None
                head = await first.take()
                first.leave()
                for _ in range(1000):
                    if not first.ended:
                        await asyncio.sleep(0.01)
                second = workers.ahead()
                assert second is not None
                return head, await second.take(), await second.take(), await second.take(), await second.take()
        finally:
            await store.close()

    head, other, piece, done, still = asyncio.run(asyncio.wait_for(on(), 30))
    assert isinstance(head, Head)
    assert isinstance(other, Head)
    assert isinstance(piece, Piece)
    assert piece.made is not None
    assert done == still == Done(True)


def test_a_fault_while_helping_costs_nothing_but_the_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    expected = files(folder)
    begun = []

    async def fails(_: Services, source: Source, *_rest: object) -> None:
        begun.append(source)
        raise KeyError

    monkeypatch.setattr(pieces, "prepare_pieces", fails)
    _, counts, _ = asyncio.run(load(folder, tmp_path / "fhir.db", 1, helps=True))
    assert counts == expected
    assert begun
