"""The bus of one process: whoever listens to a topic hears what is published there, at once and in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Message = Mapping[str, Any]
"""Plain JSON values, so that a message could travel to another process."""
Hear = Callable[[Message], None]


class Bus:
    """Topics and who listens to them. Nothing is kept: who comes later hears only what comes later."""

    def __init__(self) -> None:
        self._listening: dict[str, dict[object, Hear]] = {}

    def subscribe(self, topic: str, hear: Hear) -> Callable[[], None]:
        """Listen to a topic; what is returned ends it, and may be called again without effect."""
        key = object()
        self._listening.setdefault(topic, {})[key] = hear

        def end() -> None:
            listening = self._listening.get(topic, {})
            listening.pop(key, None)
            if not listening:
                self._listening.pop(topic, None)

        return end

    def publish(self, topic: str, message: Message) -> None:
        """Tell whoever listens. Messages of one publisher to one topic arrive in the order they were published."""
        for hear in tuple(self._listening.get(topic, {}).values()):
            hear(message)

    def is_heard(self, topic: str) -> bool:
        """Return whether anybody in this process listens."""
        return topic in self._listening
