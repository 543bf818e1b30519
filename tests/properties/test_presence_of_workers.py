"""Several workers whose messages are late, whose sockets are cut, which crash, or lose each other for a while.

Whatever happens, in any order: once everything has arrived, every client that is in the room knows exactly the open
sockets in it, in the state that phoenix's own library keeps.
"""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime import meeting
from realtime.consultations import ConsultationChannel
from realtime.limits import Limits
from realtime.sockets import Sockets
from tests.fakes.buses import Hub
from tests.fakes.patience import PATIENCE
from tests.fakes.room_clients import Consultations, Doorkeeper, RoomClient

WORKERS, CLIENTS = 3, 6
ONE = st.integers(0, CLIENTS - 1)
ACT = st.one_of(
    st.tuples(st.sampled_from(("join", "join", "leave", "cut", "open", "admit")), ONE),
    st.tuples(st.sampled_from(("pause", "arrive", "deliver")), st.integers(0, 20)),
    st.tuples(st.sampled_from(("crash", "miss", "away", "back")), st.integers(0, WORKERS - 1)),
)


class Worker:
    """A worker that begins anew when it has crashed."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.begin()

    def begin(self) -> None:
        self.bus = self.hub.bus()
        channel = ConsultationChannel(Consultations(), self.bus, lambda: 0)
        limits = Limits(sockets=100, messages_a_second=1e6)
        self.sockets = Sockets(Doorkeeper(), {"consultation": channel}, lambda: 0, limits)
        self.channel = channel


class World:
    """The workers, each with two of the clients; three users."""

    def __init__(self) -> None:
        self.hub = Hub(at_once=False)
        self.workers = [Worker(self.hub) for _ in range(WORKERS)]
        self.clients = [RoomClient(number, self._home(number).sockets) for number in range(CLIENTS)]
        self.lost: list[str] = []

    def _home(self, client: int) -> Worker:
        return self.workers[client % WORKERS]

    async def act(self, what: str, number: int) -> None:
        if what in ("join", "leave"):
            self.clients[number].say(f"phx_{what}")
        elif what == "admit":
            self.clients[number].say("admit", {"user_id": "u1"})
        elif what == "cut":
            self.clients[number].cut()
        elif what == "open" and self.clients[number].task.done():
            self.clients[number].open(self._home(number).sockets)
        elif what == "deliver" and self.hub.waiting:
            self.hub.deliver(list(self.hub.waiting)[number % len(self.hub.waiting)])
        elif what == "arrive":
            await self._arrive(3)
        elif what == "crash":
            await self._crash(number)
        elif what == "miss":
            self._miss()
        elif what in ("away", "back") and self.workers[number].bus.away == (what == "back"):
            (self.hub.cut if what == "away" else self.hub.mend)(self.workers[number].bus.worker)
        else:
            await asyncio.sleep(0)

    async def _crash(self, number: int) -> None:
        """End a worker without a word to anybody; its clients find their connections broken."""
        worker = self.workers[number]
        self.hub.crash(worker.bus.worker)
        self.lost.append(worker.bus.worker)
        worker.bus.away = True
        for client in self.clients:
            if self._home(client.number) is worker:
                client.task.cancel()
                await asyncio.wait({client.task})
        worker.begin()

    def _miss(self) -> None:
        for each in self.lost:
            self.hub.miss(each)
        self.lost = []

    async def settle(self) -> None:
        """Let everything arrive that is under way, and everything that follows from it."""
        for worker in self.workers:
            if worker.bus.away:
                self.hub.mend(worker.bus.worker)
        await self._arrive(10)
        self._miss()
        await self._arrive(10)
        while any(each.joining and not each.task.done() for each in self.clients):
            await asyncio.sleep(0.005)
            await self._arrive(2)

    async def _arrive(self, rounds: int) -> None:
        for _ in range(rounds):
            for _ in range(8):
                await asyncio.sleep(0)
            self.hub.deliver_all()


async def live(there: list[int], acts: list[tuple[str, int]]) -> None:
    world = World()
    for number in there:
        world.clients[number].say("phx_join")
    await world.settle()
    for what, number in acts:
        await world.act(what, number)
    await world.settle()
    inside = [each for each in world.clients if each.joined and not each.waiting and not each.task.done()]
    users = {client.user: sum(each.user == client.user for each in inside) for client in inside}
    for client in inside:
        assert client.known == inside[0].known
        assert {user: len(refs) for user, refs in client.known.items()} == users
    for worker in world.workers:
        await _emptied(world, worker)


async def _emptied(world: World, worker: Worker) -> None:
    for client in world.clients:
        client.cut()
    tasks: set[asyncio.Task[Any]] = {client.task for client in world.clients}
    await asyncio.wait(tasks, timeout=PATIENCE)
    assert (len(worker.sockets.attendance), worker.channel.rooms) == (0, 0)


@settings(max_examples=200, deadline=None)
@given(st.lists(ONE, unique=True), st.lists(ACT, max_size=60))
def test_presence_is_what_is_open_anywhere(there: list[int], acts: list[tuple[str, int]]) -> None:
    with patch.object(meeting, "PATIENCE", 0.01):
        asyncio.run(live(there, acts))
