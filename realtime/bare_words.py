"""What older clients say over socket.io, as frames of the Phoenix channel protocol 2.0.0, and back: pure.

They join with `phx_join {topic, payload}` and then say bare events: `chat_message {message}` without a topic is for the
room that was joined last. What comes back is bare as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from realtime.phoenix import CLOSE, ERROR, JOIN, LEAVE, REPLY, SYSTEM, BadFrame

Payload = Mapping[str, Any]
OF_SOCKET = frozenset(("access_token", "heartbeat"))
"""Events of the socket itself."""
KINDS = {"unread": "notifications"}
"""Events that are not for a consultation."""
CONSULTATION = "consultation"


@dataclass(frozen=True, slots=True)
class Told:
    """An event for the client, None where it only has the answer to what it said under `ref`."""

    event: str | None
    payload: Payload
    ref: str | None = None


class BareWords:
    """The words of one connection."""

    def __init__(self) -> None:
        self._refs = map(str, itertools.count(1))
        self._joins: dict[str, str] = {}
        self._asked: dict[str, tuple[str, str]] = {}

    def frame(self, event: str, payload: Any) -> tuple[str, str]:
        """Return what a client says as a frame, and the ref of its answer before it. Raises BadFrame."""
        said: Payload = {} if payload is None else payload
        if not isinstance(said, Mapping):
            raise BadFrame("what comes with an event is an object")
        ref = next(self._refs)
        topic = self._topic(event, said)
        if event in (JOIN, LEAVE):
            said = said.get("payload") or {}
        if event == JOIN:
            self._joins.pop(topic, None)
            self._joins[topic] = ref
        join_ref = self._joins.get(topic)
        try:
            text = msgspec.json.encode([join_ref, ref, topic, event, said]).decode()
        except (TypeError, ValueError, RecursionError):
            raise BadFrame("that cannot be written as JSON") from None
        self._asked[ref] = (event, topic)
        return ref, text

    def told(self, text: str) -> Told | None:
        """Return what a frame of the server tells a client, None for nothing."""
        join_ref, ref, topic, event, payload = msgspec.json.decode(text)
        if event == REPLY:
            return self._answered(ref, payload)
        if event in (CLOSE, ERROR):
            # A topic that was joined again meanwhile has not been left.
            if self._joins.get(topic) != join_ref:
                return None
            self._joins.pop(topic)
            return Told(event, {"topic": topic})
        return Told(event, payload)

    def _answered(self, ref: str | None, payload: dict[str, Any]) -> Told | None:
        asked = self._asked.pop(ref, None) if ref is not None else None
        if asked is None:
            return None
        event, topic = asked
        refused = payload["status"] != "ok"
        if event == JOIN and refused and self._joins.get(topic) == ref:
            self._joins.pop(topic)
        shown = refused or event in (JOIN, LEAVE)
        return Told(REPLY if shown else None, {"topic": topic, "event": event, **payload}, ref)

    def _topic(self, event: str, said: Payload) -> str:
        if event in OF_SOCKET:
            return SYSTEM
        topic = said.get("topic")
        if event in (JOIN, LEAVE) and not isinstance(topic, str):
            raise BadFrame(f"{event} names its topic")
        if isinstance(topic, str):
            return topic
        kind = KINDS.get(event, CONSULTATION)
        joined = (each for each in reversed(self._joins) if each.partition(":")[0] == kind)
        return next(joined, kind)
