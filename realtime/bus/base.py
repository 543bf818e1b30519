"""What a bus is: topics that are heard by whoever listens, in this worker and in others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

Message = Mapping[str, Any]
"""Plain JSON values, so that a message can travel to another process."""
Hear = Callable[[Message], None]
End = Callable[[], None]
Happening = Literal["found", "lost", "away", "back"]
"""Another worker was `found` or is `lost`; the bus itself is `away`, and `back` with nobody knowing what was missed."""
Watch = Callable[[Happening, str], None]
"""Told of what happens, and to which worker ("" for the bus itself)."""


class Bus(Protocol):
    """Topics and who listens to them. Nothing is kept: who comes later hears only what comes later.

    Messages of one worker to one topic arrive in the order they were published. What is published while the bus is
    away reaches this worker alone; none is sent later.
    """

    @property
    def worker(self) -> str:
        """The id of this worker, which no other has, and none after it."""
        ...

    @property
    def away(self) -> bool:
        """Whether other workers cannot be reached at the moment."""
        ...

    def subscribe(self, topic: str, hear: Hear) -> End:
        """Listen to a topic; what is returned ends it, and may be called again without effect."""
        ...

    def publish(self, topic: str, message: Message) -> None:
        """Tell whoever listens: here at once, elsewhere as soon as it can be."""
        ...

    def publish_here(self, topic: str, message: Message) -> None:
        """Tell whoever listens in this worker."""
        ...

    async def call(self, topic: str, message: Message) -> int:
        """Tell whoever listens elsewhere, once what is subscribed here is heard; return how many workers heard it."""
        ...

    def is_heard(self, topic: str) -> bool:
        """Return whether anybody in this worker listens."""
        ...

    def watch(self, told: Watch) -> None:
        """Have `told` called when something happens to other workers, or to the bus."""
        ...

    async def open(self) -> None:
        """Begin."""
        ...

    async def close(self) -> None:
        """Say goodbye to the other workers, and end."""
        ...
