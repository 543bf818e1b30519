"""Revocations between workers, over admissions that only tell whom they have forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fhir_server.live import revocations
from fhir_server.live.revocations import Revocations
from tests.fakes.buses import Hub, HubBus
from tests.fakes.patience import until

Change = tuple[str | None, str | None]


class Admission:
    """Calls who watches, as `auth.admission.Admission` does."""

    def __init__(self) -> None:
        self.forgotten: list[Change] = []
        self._watching: list[Callable[[str | None, str | None], None]] = []

    def watch(self, told: Callable[[str | None, str | None], None]) -> None:
        self._watching.append(told)

    def forget(self, *, grant: str | None = None, account: str | None = None) -> None:
        self.forgotten.append((grant, account))
        for told in self._watching:
            told(grant, account)


class Worker:
    def __init__(self, hub: Hub) -> None:
        self.bus: HubBus = hub.bus()
        self.admission: Any = Admission()
        self.looks = 0
        self.revocations = Revocations(self.admission, self.bus, self._look)

    def _look(self) -> None:
        self.looks += 1


def test_what_one_forgets_all_forget_once() -> None:
    hub = Hub()
    one, other, third = (Worker(hub) for _ in range(3))
    one.admission.forget(grant="g")
    other.admission.forget(account="a")
    for worker in (one, other, third):
        assert worker.admission.forgotten == [("g", None), (None, "a")]


async def test_while_the_bus_is_away_sockets_are_looked_at_and_afterwards_all_is_forgotten(monkeypatch: Any) -> None:
    monkeypatch.setattr(revocations, "EVERY", 0.01)
    hub = Hub()
    worker = Worker(hub)
    hub.cut(worker.bus.worker)
    await until(lambda: worker.looks >= 3)
    hub.mend(worker.bus.worker)
    looks = worker.looks
    assert worker.admission.forgotten == [(None, None)]
    await asyncio.sleep(0.05)
    assert worker.looks == looks, "nobody looks any more"


async def test_two_outages_after_each_other_are_one_look_at_a_time(monkeypatch: Any) -> None:
    monkeypatch.setattr(revocations, "EVERY", 1000)
    hub = Hub()
    worker = Worker(hub)
    for _ in range(3):
        hub.cut(worker.bus.worker)
        hub.mend(worker.bus.worker)
    hub.cut(worker.bus.worker)
    assert worker.looks == 4
    worker.revocations.stop()
    worker.revocations.stop()
