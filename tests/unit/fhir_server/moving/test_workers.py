"""Moving in with processes that prepare lines: the same is in and the same is told, whatever becomes of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fhir_server.moving import workers as module
from fhir_server.moving.dead_letters import DeadLetters
from fhir_server.moving.dump import find
from fhir_server.moving.export_view import export_view
from fhir_server.moving.import_view import Report, import_view
from fhir_server.moving.prepare import Prepared
from fhir_server.moving.workers import Workers
from tests.fakes.desk import desk_of
from tests.fakes.dump import consent, in_order, many, read_dump, write_dump

PATIENTS = 40


class Watched(Workers):
    """Workers of which is known how many lines came prepared."""

    ready = 0

    async def _result(self, block: Any) -> Sequence[Prepared | None]:
        found = await super()._result(block)
        self.ready += sum(1 for each in found if each)
        return found


class Lost(Watched):
    """A worker that is killed as soon as it has prepared something."""

    async def _result(self, block: Any) -> Sequence[Prepared | None]:
        found = await super()._result(block)
        for process in self.processes if self.ready else ():
            if process.returncode is None:
                process.kill()
                await process.wait()
        return found


class Late(Watched):
    """Workers whose every line is changed on the way: nothing of it can be written."""

    async def _result(self, block: Any) -> Sequence[Prepared | None]:
        found = await super()._result(block)
        for each in found:
            if each is not None:
                each.made[0][:] = each.made[0] * 2
        return found


async def moved_in(store: Path, dump: Path, kind: type[Workers], jobs: int) -> tuple[list[Report], Workers]:
    """Move a dump in, and return what was told and who helped."""
    letters = DeadLetters(dump / "dead-letters.jsonl")
    async with (
        desk_of(store=f"sqlite:///{store}", telemed_profiles=True) as desk,
        kind(f"sqlite:///{store}", jobs) as workers,
    ):
        reports = await import_view(desk, dump, find(dump), letters, lambda report, position: None, workers)
    letters.close()
    return reports, workers


async def moved_out(store: Path, folder: Path) -> Any:
    os.mkdir(folder)
    async with desk_of(store=f"sqlite:///{store}", telemed_profiles=True) as desk:
        await export_view(desk, folder, lambda kind, lines: None)
    return read_dump(folder)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 5)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("kind", [Watched, Lost, Late])
async def test_what_is_in_hangs_on_no_worker(tmp_path: Path, kind: type[Watched]) -> None:
    dump = write_dump(tmp_path / "dump", many(PATIENTS))
    reports, helped = await moved_in(tmp_path / "fhir.db", dump, kind, 2)
    assert isinstance(helped, Watched)
    assert helped.ready > 0
    assert [each.moved for each in reports] == [PATIENTS + 1, *[PATIENTS] * 4]
    assert [each.refused for each in reports] == [0] * 5
    assert await moved_out(tmp_path / "fhir.db", tmp_path / "out") == in_order(many(PATIENTS))
    again, helped = await moved_in(tmp_path / "fhir.db", dump, kind, 2)
    assert [(each.moved, each.present) for each in again] == [(0, PATIENTS + 1), *[(0, PATIENTS)] * 4]
    assert isinstance(helped, Watched)
    assert helped.ready == 0


@pytest.mark.usefixtures("small_blocks")
async def test_of_two_lines_that_exclude_each_other_the_first_counts_however_far_apart(tmp_path: Path) -> None:
    lines = many(PATIENTS)
    ids = [each["user_id"] for each in lines["consents"]]
    lines["consents"] += [consent(1000 + each, each, version="2025-01") for each in ids]
    told = {}
    for jobs in (1, 2):
        dump = write_dump(tmp_path / f"dump{jobs}", lines)
        reports, _ = await moved_in(tmp_path / f"{jobs}.db", dump, Watched, jobs)
        assert (reports[1].moved, reports[1].refused) == (PATIENTS, PATIENTS)
        told[jobs] = (dump / "dead-letters.jsonl").read_text(encoding="utf-8")
    assert told[1] == told[2]
    assert "leave the decision that counts" in told[1]
