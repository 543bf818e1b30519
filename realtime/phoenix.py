"""The Phoenix channel protocol, server side, as a pure state machine: a frame in, steps out.

Version 2.0.0 writes a frame as `[join_ref, ref, topic, event, payload]`, version 1.0.0 as an object without `join_ref`
(https://hexdocs.pm/phoenix/writing_a_channels_client.html). A `Conversation` knows which topics one socket has joined.
What it cannot answer by itself (may one join? what is to be done with a message?) it hands on as a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Version = Literal["1.0.0", "2.0.0"]
Ref = str | int | None
Payload = Mapping[str, Any]
Status = Literal["ok", "error"]

SYSTEM = "phoenix"
"""The topic of the socket itself."""
JOIN, LEAVE, CLOSE, ERROR, REPLY = "phx_join", "phx_leave", "phx_close", "phx_error", "phx_reply"
OWN = frozenset((CLOSE, ERROR, REPLY))
"""Events that only a server sends."""
NAME = 200
"""Characters of a topic or event."""
REF = 64
"""Characters of a ref."""
NOTHING: Payload = {}


class BadFrame(ValueError):
    """What came is no frame of the protocol."""


class Frame(msgspec.Struct, frozen=True):
    """One message, either way. `join_ref` is the ref of the join that it belongs to."""

    join_ref: Ref
    ref: Ref
    topic: str
    event: str
    payload: Payload


class Send(msgspec.Struct, frozen=True):
    """Send this to the client."""

    frame: Frame


class Join(msgspec.Struct, frozen=True):
    """The client wants to join: answer with `Conversation.joined` or `refused`."""

    frame: Frame


class Left(msgspec.Struct, frozen=True):
    """The client has left the topic; nothing need be answered."""

    topic: str


class Said(msgspec.Struct, frozen=True):
    """The client says something on a topic that it has joined, or to the socket itself: answer with `reply`."""

    frame: Frame


# These are made for every message, which a frozen dataclass takes several times as long for.
Step = Send | Join | Left | Said


def version_of(vsn: str | None) -> Version | None:
    """Return the version that a client asks for, None for one that nobody speaks. Without a wish it is 1.0.0."""
    if not vsn or vsn.startswith("1.0."):
        return "1.0.0"
    return "2.0.0" if vsn.startswith("2.0.") else None


def decode(text: str, version: Version) -> Frame:
    """Return the frame that was sent. Raises BadFrame."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise BadFrame("a frame is JSON") from None
    if version == "1.0.0":
        if not isinstance(found, dict):
            raise BadFrame("a frame of version 1.0.0 is an object")
        return _frame(found.get("join_ref"), *(found.get(name) for name in ("ref", "topic", "event", "payload")))
    if not isinstance(found, list) or len(found) != 5:
        raise BadFrame("a frame of version 2.0.0 is an array of five")
    return _frame(*found)


def _frame(join_ref: Any, ref: Any, topic: Any, event: Any, payload: Any) -> Frame:
    if not _is_ref(join_ref) or not _is_ref(ref):
        raise BadFrame("a ref is a short string, or null")
    if not (isinstance(topic, str) and isinstance(event, str) and 0 < len(topic) <= NAME and 0 < len(event) <= NAME):
        raise BadFrame("topic and event are short strings")
    if event in OWN:
        raise BadFrame("only a server sends that event")
    if payload is not None and not isinstance(payload, dict):
        raise BadFrame("a payload is an object")
    return Frame(join_ref, ref, topic, event, payload or {})


def _is_ref(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return value is None or (isinstance(value, str | int) and len(str(value)) <= REF)


def encode(frame: Frame, version: Version) -> str:
    """Return a frame as it is sent."""
    if version == "2.0.0":
        return msgspec.json.encode((frame.join_ref, frame.ref, frame.topic, frame.event, frame.payload)).decode()
    found = {"topic": frame.topic, "event": frame.event, "payload": frame.payload, "ref": frame.ref}
    return msgspec.json.encode(found).decode()


class Conversation:
    """What one socket has joined, and what follows from what it says. `most` is how many topics it may join."""

    def __init__(self, most: int = 20) -> None:
        self._most = most
        self._joined: dict[str, Ref] = {}

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that are joined, in the order of joining."""
        return tuple(self._joined)

    def receive(self, frame: Frame) -> tuple[Step, ...]:
        """Return what follows from a frame of the client, in order."""
        if frame.topic == SYSTEM:
            return self._of_socket(frame)
        if frame.event == JOIN:
            return self._join(frame)
        if frame.event == LEAVE:
            return self._leave(frame)
        if not self._belongs(frame):
            return (Send(reply(frame, "error", {"reason": "unmatched topic"})),)
        return (Said(frame),)

    def joined(self, frame: Frame, response: Payload = NOTHING) -> Frame:
        """Take the client in; return the answer to its join."""
        self._joined[frame.topic] = frame.ref
        return reply(frame, "ok", response)

    def refused(self, frame: Frame, response: Payload) -> Frame:
        """Return the answer to a join that is refused."""
        return reply(frame, "error", response)

    def push(self, topic: str, event: str, payload: Payload) -> Frame | None:
        """Return what tells the client something of a topic; None when it has not joined, or has left."""
        if topic == SYSTEM:
            return Frame(None, None, topic, event, payload)
        if topic not in self._joined:
            return None
        return Frame(self._joined[topic], None, topic, event, payload)

    def close(self, topic: str, event: Literal["phx_close", "phx_error"] = "phx_close") -> Frame | None:
        """Put the client out of a topic; return what tells it so. After `phx_error` a client joins again by itself."""
        if topic not in self._joined:
            return None
        join_ref = self._joined.pop(topic)
        return Frame(join_ref, join_ref, topic, event, NOTHING)

    def _of_socket(self, frame: Frame) -> tuple[Step, ...]:
        if frame.event == "heartbeat":
            return (Send(reply(frame, "ok", NOTHING)),)
        if frame.event in (JOIN, LEAVE):
            return (Send(reply(frame, "error", {"reason": "unmatched topic"})),)
        return (Said(frame),)

    def _join(self, frame: Frame) -> tuple[Step, ...]:
        # Who joins again has lost the answer to the first join, or its connection: the newer one counts.
        closed = self.close(frame.topic)
        if closed is not None:
            return (Left(frame.topic), Send(closed), Join(frame))
        if len(self._joined) >= self._most:
            return (Send(reply(frame, "error", {"reason": "too many topics"})),)
        return (Join(frame),)

    def _leave(self, frame: Frame) -> tuple[Step, ...]:
        answered = Send(reply(frame, "ok", NOTHING))
        closed = self.close(frame.topic) if self._belongs(frame) else None
        return (answered,) if closed is None else (Left(frame.topic), answered, Send(closed))

    def _belongs(self, frame: Frame) -> bool:
        """Whether the frame is of the present join: one that was under way when the client joined again is not."""
        if frame.topic not in self._joined:
            return False
        return frame.join_ref is None or str(frame.join_ref) == str(self._joined[frame.topic])


def reply(frame: Frame, status: Status, response: Payload) -> Frame:
    """Return the answer to a frame of the client."""
    return Frame(frame.join_ref, frame.ref, frame.topic, REPLY, {"status": status, "response": response})
