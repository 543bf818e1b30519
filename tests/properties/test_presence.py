"""Whoever joins, leaves, joins again or is cut off, in any order: rooms are what their open sockets are.

Each client keeps presence as phoenix's own library does; at the end all of them must know the same, and be right.
"""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.bus.connect import connect
from realtime.consultations import ConsultationChannel
from realtime.limits import Limits
from realtime.sockets import Sockets
from tests.fakes.patience import PATIENCE
from tests.fakes.room_clients import Consultations, Doorkeeper, RoomClient

ACT = st.tuples(st.sampled_from(("join", "leave", "cut", "open", "pause")), st.integers(0, 4))


async def live(acts: list[tuple[str, int]]) -> None:
    channel = ConsultationChannel(Consultations(wait=False), connect("", ""), lambda: 0)
    sockets = Sockets(Doorkeeper(), {"consultation": channel}, lambda: 0, Limits(sockets=100, messages_a_second=1e6))
    clients = [RoomClient(number, sockets) for number in range(5)]
    for what, number in acts:
        client = clients[number]
        if what in ("join", "leave"):
            client.say(f"phx_{what}")
        elif what == "cut":
            client.cut()
        elif what == "open" and client.task.done():
            client.open(sockets)
        else:
            await asyncio.sleep(0)
    for _ in range(400):
        await asyncio.sleep(0)
    there = [client for client in clients if client.joined and not client.task.done()]
    users = {client.user: sum(each.user == client.user for each in there) for client in there}
    for client in there:
        assert client.known == there[0].known
        assert {user: len(refs) for user, refs in client.known.items()} == users
    assert len(sockets.attendance) == sum(not client.task.done() for client in clients)
    for client in clients:
        client.cut()
    await asyncio.wait({client.task for client in clients}, timeout=PATIENCE)
    assert (len(sockets.attendance), channel.rooms) == (0, 0)


@settings(max_examples=150, deadline=None)
@given(st.lists(ACT, max_size=40))
def test_presence_is_what_is_open(acts: list[tuple[str, int]]) -> None:
    asyncio.run(live(acts))
