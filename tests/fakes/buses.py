"""Buses of several workers in one process, whose messages a test delivers one by one, in any order between workers.

Held to the contract of buses, as the real ones are. Workers crash without a word, and bonds between them break.
"""

from __future__ import annotations

import json
from collections import deque
from uuid import uuid4

from realtime.bus.base import End, Happening, Hear, Message, Watch
from realtime.bus.listeners import Listeners


class Hub:
    """What joins the workers. Unless `at_once`, messages wait until `deliver`, in order from each to each."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.at_once = at_once
        self.buses: dict[str, HubBus] = {}
        self.waiting: dict[tuple[str, str], deque[tuple[str, str]]] = {}

    def bus(self) -> HubBus:
        """Return the bus of another worker; the others find it."""
        made = HubBus(self)
        for each in tuple(self.buses.values()):
            if not each.away:
                each.happened("found", made.worker)
        self.buses[made.worker] = made
        return made

    def send(self, worker: str, topic: str, message: Message) -> int:
        """Send a message of one worker to the others; return how many of them hear the topic."""
        heard = 0
        for other, bus in self.buses.items():
            if other != worker and not bus.away and topic in bus.listeners:
                heard += 1
                self.waiting.setdefault((worker, other), deque()).append((topic, json.dumps(message)))
                if self.at_once:
                    self.deliver((worker, other))
        return heard

    def deliver(self, bond: tuple[str, str]) -> None:
        """Deliver the next message from one worker to another."""
        topic, text = self.waiting[bond].popleft()
        if not self.waiting[bond]:
            del self.waiting[bond]
        if bond[1] in self.buses:
            self.buses[bond[1]].listeners.tell(topic, json.loads(text))

    def deliver_all(self) -> None:
        """Deliver what waits, and what follows from it."""
        while self.waiting:
            self.deliver(next(iter(self.waiting)))

    def crash(self, worker: str) -> None:
        """End a worker without a word; what it has sent may still arrive. Others miss it with `miss`."""
        self.buses.pop(worker, None)

    def miss(self, worker: str) -> None:
        """Let the others find out that a worker is lost. Nothing is under way for as long as that takes."""
        self.waiting = {bond: it for bond, it in self.waiting.items() if bond[0] != worker}
        for each in tuple(self.buses.values()):
            each.happened("lost", worker)

    def cut(self, worker: str) -> None:
        """Take the bus away from a worker; what is under way to it and from it is gone."""
        self.waiting = {bond: it for bond, it in self.waiting.items() if worker not in bond}
        self.buses[worker].away = True
        self.buses[worker].happened("away")

    def mend(self, worker: str) -> None:
        """Give a worker its bus back."""
        self.buses[worker].away = False
        self.buses[worker].happened("back")


class HubBus:
    """One worker's bus at a hub; see `realtime.bus.base.Bus`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._watching: list[Watch] = []
        self.listeners = Listeners()
        self.worker = uuid4().hex
        self.away = False

    def subscribe(self, topic: str, hear: Hear) -> End:
        return self.listeners.add(topic, hear)

    def publish(self, topic: str, message: Message) -> None:
        self.listeners.tell(topic, message)
        if not self.away:
            self._hub.send(self.worker, topic, message)

    def publish_here(self, topic: str, message: Message) -> None:
        self.listeners.tell(topic, message)

    async def call(self, topic: str, message: Message) -> int:
        return 0 if self.away else self._hub.send(self.worker, topic, message)

    def is_heard(self, topic: str) -> bool:
        return topic in self.listeners

    def watch(self, told: Watch) -> None:
        self._watching.append(told)

    def happened(self, happening: Happening, worker: str = "") -> None:
        for told in self._watching:
            told(happening, worker)

    async def open(self) -> None:
        self.happened("back")

    async def close(self) -> None:
        self._hub.crash(self.worker)
        self._hub.miss(self.worker)
