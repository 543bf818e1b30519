"""Who listens to which topic in one worker."""

from __future__ import annotations

from realtime.bus.base import End, Hear, Message


class Listeners:
    """Topics and their listeners."""

    def __init__(self) -> None:
        self._listening: dict[str, dict[object, Hear]] = {}

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that somebody listens to."""
        return tuple(self._listening)

    def __contains__(self, topic: str) -> bool:
        """Return whether somebody listens to the topic."""
        return topic in self._listening

    def add(self, topic: str, hear: Hear) -> End:
        """Add a listener; what is returned removes it, and may be called again without effect."""
        key = object()
        self._listening.setdefault(topic, {})[key] = hear

        def end() -> None:
            listening = self._listening.get(topic, {})
            listening.pop(key, None)
            if not listening:
                self._listening.pop(topic, None)

        return end

    def tell(self, topic: str, message: Message) -> None:
        """Tell all who listen to the topic."""
        for hear in tuple(self._listening.get(topic, {}).values()):
            hear(message)
