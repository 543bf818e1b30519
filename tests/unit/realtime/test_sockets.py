"""All sockets of a tenant: how many one account may have, and who is looked at again when something has changed."""

from __future__ import annotations

import asyncio
from typing import Any

from realtime.limits import Limits
from realtime.ports import Member
from realtime.sockets import Sockets
from tests.fakes.patience import PATIENCE


class Doorkeeper:
    """Says that nobody is there any more once they are `gone`, and remembers who was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gone = False

    async def admit(self, token: str) -> Member[str]:
        raise AssertionError("nobody asks for that here")

    async def recall(self, known: Member[str]) -> Member[str] | None:
        self.asked.append(known.grant)
        return None if self.gone else known


class World:
    def __init__(self, limits: Limits | None = None) -> None:
        self.doorkeeper = Doorkeeper()
        self.sockets: Sockets[str] = Sockets(self.doorkeeper, {}, lambda: 0, limits or Limits())
        self.codes: dict[str, int] = {}
        self.ends: dict[str, asyncio.Queue[Any]] = {}

    def open(self, account: str, grant: str) -> asyncio.Task[None]:
        end = self.ends[grant] = asyncio.Queue()

        async def transmit(message: Any) -> None:
            if message["type"] == "websocket.close":
                self.codes[grant] = message["code"]

        member = Member(account, "patient", grant, 10**15, "")
        return asyncio.ensure_future(self.sockets.serve(member, "2.0.0", end.get, transmit))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_place_that_is_given_up_may_be_taken() -> None:
    world = World(Limits(sockets=1))
    first, other = world.open("ann", "g1"), world.open("bob", "g2")
    await settle()
    await world.open("ann", "g3")
    assert world.codes == {"g3": 1008}
    world.ends["g1"].put_nowait({"type": "websocket.disconnect", "code": 1000})
    await first
    again = world.open("ann", "g4")
    await settle()
    assert (len(world.sockets.attendance), again.done(), other.done()) == (2, False, False)
    await world.sockets.attendance.close()
    assert len(world.sockets.attendance) == 0


async def test_what_is_revoked_between_the_door_and_the_socket_closes_it() -> None:
    world = World()
    world.doorkeeper.gone = True
    await asyncio.wait_for(world.open("ann", "g1"), PATIENCE)
    assert world.codes == {"g1": 4401}


async def test_who_is_looked_at_again() -> None:
    world = World()
    for account, grant in (("ann", "g1"), ("ann", "g2"), ("bob", "g3"), ("eve", "g4")):
        world.open(account, grant)
    await settle()
    assert (world.doorkeeper.asked, world.codes) == (["g1", "g2", "g3", "g4"], {})
    world.doorkeeper.asked.clear()
    world.doorkeeper.gone = True
    world.sockets.attendance.recall(grant="g1")
    await settle()
    assert (world.doorkeeper.asked, world.codes) == (["g1"], {"g1": 4401})
    world.sockets.attendance.recall(account="ann")
    await settle()
    assert (world.doorkeeper.asked[1:], world.codes) == (["g2"], {"g1": 4401, "g2": 4401})
    world.sockets.attendance.recall()
    await settle()
    assert sorted(world.doorkeeper.asked[2:]) == ["g3", "g4"]
    assert set(world.codes.values()) == {4401}
