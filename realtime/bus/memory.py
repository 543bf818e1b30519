"""The bus of one worker that is alone: whoever listens to a topic hears what is published, at once and in order."""

from __future__ import annotations

from uuid import uuid4

from realtime.bus.base import End, Hear, Message, Watch
from realtime.bus.listeners import Listeners


class MemoryBus:
    """See `realtime.bus.base.Bus`."""

    def __init__(self) -> None:
        self._listeners = Listeners()
        self.worker = uuid4().hex
        self.away = False

    def subscribe(self, topic: str, hear: Hear) -> End:
        """See `Bus.subscribe`."""
        return self._listeners.add(topic, hear)

    def publish(self, topic: str, message: Message) -> None:
        """See `Bus.publish`."""
        self._listeners.tell(topic, message)

    publish_here = publish

    async def call(self, topic: str, message: Message) -> int:
        """See `Bus.call`: there is nobody else."""
        return 0

    def is_heard(self, topic: str) -> bool:
        """See `Bus.is_heard`."""
        return topic in self._listeners

    def watch(self, told: Watch) -> None:
        """See `Bus.watch`: nothing happens to who is alone."""

    async def open(self) -> None:
        """See `Bus.open`."""

    async def close(self) -> None:
        """See `Bus.close`."""
