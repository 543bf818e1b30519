"""A room of this worker joined to the same room of others: what each of them has travels whole, what is said by seat.

Three kinds of messages travel on the topic of a room: `state` is all that one worker has in it, `ask` wants that of
the others, `tell` is an event for seats elsewhere. A state carries a number that only grows, so that an older one which
comes late changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Generic, TypeVar

from realtime.bus.base import Bus, End, Message
from realtime.channel import Payload, Seat
from realtime.ports import Refused
from realtime.room import Room, Sitting, Telling, told

P = TypeVar("P")
PATIENCE = 1.0
"""Seconds that the first one to come waits for what other workers have in the room."""


class Meeting(Generic[P]):
    """A room that somebody of this worker is in, or about to be; what changes it goes one after the other, in `turn`.

    `using` is how many are about to be there. `numbers` are those of this worker's states, which outlive the meeting;
    `news` is called when others have changed who is in the room.
    """

    def __init__(self, topic: str, bus: Bus, numbers: Iterator[int], news: Callable[[Meeting[P]], None]) -> None:
        self.topic = topic
        self.room = Room()
        self.seats: dict[str, Seat[P]] = {}
        self.turn = asyncio.Lock()
        self.using = 0
        self._bus = bus
        self._news = news
        self._deaf: End | None = None
        self._announced = 0
        self._numbers = numbers
        self._heard: dict[str, int] = {}
        self._more = asyncio.Event()

    async def open(self) -> None:
        """Hear the other workers from now on, and learn what they have, if that was not done before."""
        if self._deaf is not None:
            return
        self._deaf = self._bus.subscribe(self.topic, self._hear)
        others = await self._bus.call(self.topic, self._ask())
        try:
            async with asyncio.timeout(PATIENCE):
                while len(self._heard) < others:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            # One of them is about to leave, or lost: whoever is there tells it as soon as it can.
            return

    def close(self) -> None:
        """Hear nothing more. Who has just asked is answered: that there is nobody here."""
        if self._deaf is not None:
            self.announce(again=True)
            self._deaf()

    def demand_reached(self, tellings: Iterable[Telling]) -> None:
        """Raise Refused when some of these are for seats elsewhere, which cannot be reached at the moment."""
        if self._bus.away and any(id not in self.seats for each in tellings for id in each.to):
            raise Refused("unavailable")

    def tell(self, tellings: Iterable[Telling]) -> None:
        """Tell seats here and elsewhere, and what has changed here to other workers."""
        self.announce()
        for each in told(tellings):
            far = [id for id in each.to if id not in self.seats]
            self._push(each.to, each.event, each.payload)
            if far:
                self._bus.publish(self.topic, {"kind": "tell", "to": far, "event": each.event, "payload": each.payload})

    def announce(self, *, again: bool = False) -> None:
        """Tell other workers what this one has, if that has changed, or `again`."""
        if again or self._announced != self.room.changes:
            self._announced = self.room.changes
            seats = {id: asdict(each) for id, each in self.room.here.items()}
            state = {"kind": "state", "worker": self._bus.worker, "number": next(self._numbers), "seats": seats}
            self._bus.publish(self.topic, {**state, "admitted": sorted(self.room.admitted)})

    def ask(self) -> None:
        """Ask the other workers again what they have, and tell them what there is here."""
        self.announce(again=True)
        self._bus.publish(self.topic, self._ask())

    def lose(self, worker: str) -> None:
        """Let all seats of a worker go that is lost."""
        self._told(self.room.hear(worker, {}))

    def _ask(self) -> Message:
        return {"kind": "ask", "worker": self._bus.worker}

    def _push(self, to: Iterable[str], event: str, payload: Payload) -> None:
        for id in to:
            seat = self.seats.get(id)
            if seat is not None:
                seat.push(event, payload)

    def _hear(self, message: Message) -> None:
        kind = message["kind"]
        if kind == "tell":
            self._push(message["to"], message["event"], message["payload"])
        elif message["worker"] == self._bus.worker:
            return
        elif kind == "ask":
            self.announce(again=True)
        elif message["number"] > self._heard.get(message["worker"], 0):
            self._heard[message["worker"]] = message["number"]
            self._more.set()
            seats = {id: Sitting(**each) for id, each in message["seats"].items()}
            self._told(self.room.hear(message["worker"], seats, message["admitted"]))

    def _told(self, tellings: list[Telling]) -> None:
        self.tell(tellings)
        if any(each.event in ("user_joined", "admitted") for each in tellings):
            self._news(self)
