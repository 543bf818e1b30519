"""One socket: frames are read, limited and understood; answers and news wait in a bounded box until they are sent.

The socket lives with its grant: it warns before the token expires, takes another one, and closes when there is none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Generic, TypeVar
from uuid import uuid4

from realtime.attendance import recall
from realtime.bucket import Bucket
from realtime.channel import Channels, Payload, Seat
from realtime.codes import BAD, BUSY, ENDED, GONE, NO_TEXT, POLICY, TOO_LARGE
from realtime.limits import Limits
from realtime.outbox import Outbox
from realtime.phoenix import (
    NOTHING,
    SYSTEM,
    BadFrame,
    Conversation,
    Frame,
    Join,
    Left,
    Send,
    Status,
    Step,
    Version,
    decode,
    encode,
    reply,
)
from realtime.ports import Clock, Doorkeeper, Member, Refused

P = TypeVar("P")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Transmit = Callable[[Message], Awaitable[None]]

SECOND = 1_000_000
NOTICE = 60
"""Seconds before the token expires at which the client is told."""
LINGER = 5.0
"""Seconds that a client has to take what waits for it when its socket is closed."""
PATIENCE = 20
"""Messages beyond the rate that are answered before the socket is closed."""

log = logging.getLogger("realtime")


class Socket(Generic[P]):
    """A connection that was let in."""

    def __init__(
        self,
        member: Member[P],
        version: Version,
        channels: Channels[P],
        doorkeeper: Doorkeeper[P],
        now: Clock,
        limits: Limits,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.member = member
        self._version: Version = version
        self._channels = channels
        self._doorkeeper = doorkeeper
        self._now = now
        self._limits = limits
        self._loop = loop
        self._talk = Conversation(limits.topics)
        self._seats: dict[str, Seat[P]] = {}
        self._out = Outbox(limits.queue, limits.queue_bytes)
        self._bucket = Bucket(limits.messages_a_second, limits.burst, loop.time())
        self._beyond = 0
        self._closing = asyncio.Event()
        self._code, self._reason = GONE, ""
        self._heard = loop.time()
        self._listening: asyncio.TimerHandle | None = None
        self._timers: tuple[asyncio.TimerHandle, ...] = ()
        self._leaving: set[asyncio.Task[None]] = set()

    def close(self, code: int, reason: str) -> None:
        """Close the socket, once what waits for it is sent."""
        if not self._closing.is_set():
            self._code, self._reason = code, reason
            self._out.close()
            self._closing.set()

    async def live(self, receive: Receive, transmit: Transmit) -> None:
        """Serve an accepted connection to its end."""
        self._time()
        writer = self._loop.create_task(self._write(transmit))
        reader = self._loop.create_task(self._read(receive))
        closing = self._loop.create_task(self._closing.wait())
        try:
            await asyncio.wait((reader, closing, writer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for timer in (*self._timers, self._listening):
                if timer is not None:
                    timer.cancel()
            self.close(GONE, "")
            reader.cancel()
            await asyncio.wait((reader, closing))
            await self._empty()
            await self._hang_up(writer, transmit)

    async def standing(self, member: Member[P]) -> Member[P] | None:
        """Return the member as of now; None when the grant or the account has ended, or is another one now."""
        return await self._doorkeeper.recall(member)

    def _time(self, *, renewed: bool = False) -> None:
        """Set the clocks for the token: a notice, and the end.

        One that was just brought is not announced before half of it is over: who answers each notice at once would
        bring one after the other.
        """
        for timer in self._timers:
            timer.cancel()
        left = (self.member.expires - self._now()) / SECOND
        self._timers = (
            self._loop.call_later(max(left - NOTICE, left / 2 if renewed else 0), self._warn),
            self._loop.call_later(max(left, 0), self.close, ENDED, "the token has expired"),
        )

    def _warn(self) -> None:
        left = max(0, (self.member.expires - self._now()) // SECOND)
        self._push(SYSTEM, "token_expiring", {"expires_in": left})

    async def _read(self, receive: Receive) -> None:
        self._listen()
        while not self._closing.is_set():
            message = await receive()
            self._heard = self._loop.time()
            if message["type"] != "websocket.receive":
                return
            text = message.get("text")
            if text is None:
                self.close(NO_TEXT, "messages are text")
            elif len(text) > self._limits.message_bytes:
                self.close(TOO_LARGE, "the message is too large")
            else:
                await self._take(text)

    def _listen(self) -> None:
        """Close when nothing was heard for long; look again when that could be, not at every message."""
        left = self._heard + self._limits.quiet_s - self._loop.time()
        if left <= 0:
            self.close(POLICY, "no heartbeat")
        else:
            self._listening = self._loop.call_later(left, self._listen)

    async def _take(self, text: str) -> None:
        try:
            frame = decode(text, self._version)
        except BadFrame as error:
            self.close(BAD, str(error))
            return
        if not self._bucket.take(self._loop.time()):
            self._beyond += 1
            self._send(reply(frame, "error", {"reason": "rate limited"}))
            if self._beyond > PATIENCE:
                self.close(POLICY, "too many messages")
            return
        self._beyond = 0
        for step in self._talk.receive(frame):
            await self._step(step)

    async def _step(self, step: Step) -> None:
        if isinstance(step, Send):
            self._send(step.frame)
        elif isinstance(step, Left):
            await self._leave(step.topic)
        elif isinstance(step, Join):
            await self._join(step.frame)
        elif step.frame.topic == SYSTEM:
            self._answer(step.frame, *await self._renew(step.frame))
        else:
            await self._said(step.frame)

    async def _join(self, frame: Frame) -> None:
        kind, _, name = frame.topic.partition(":")
        channel = self._channels.get(kind)
        if channel is None or not name:
            self._send(self._talk.refused(frame, {"reason": "unmatched topic"}))
            return
        topic = frame.topic
        seat = self._seat(topic, name)
        try:
            response = await channel.join(seat, frame.payload)
        except Refused as refusal:
            _end(seat)
            self._send(self._talk.refused(frame, {"reason": str(refusal)}))
            return
        except Exception as error:
            # Its text may quote what it failed on.
            log.error("a join failed", extra={"kind": kind, "error": type(error).__name__})
            _end(seat)
            self._send(self._talk.refused(frame, {"reason": "failed"}))
            return
        self._seats[topic] = seat
        self._send(self._talk.joined(frame, response))
        for each in seat.after:
            each()

    async def _said(self, frame: Frame) -> None:
        seat = self._seats[frame.topic]
        try:
            response = await self._channel(frame.topic).said(seat, frame.event, frame.payload)
        except Refused as refusal:
            self._answer(frame, "error", {"reason": str(refusal)})
        except Exception as error:
            log.error("a message failed", extra={"kind": frame.topic.partition(":")[0], "error": type(error).__name__})
            await self._leave(frame.topic)
            closed = self._talk.close(frame.topic, "phx_error")
            if closed is not None:
                self._send(closed)
        else:
            self._answer(frame, "ok", response)

    async def _renew(self, frame: Frame) -> tuple[Status, Payload]:
        token = frame.payload.get("token")
        if frame.event != "access_token":
            return "error", {"reason": "unmatched event"}
        try:
            found = await self._doorkeeper.admit(token if isinstance(token, str) else "")
        except Refused:
            return "error", {"reason": "unauthorized"}
        if (found.account, found.role) != (self.member.account, self.member.role):
            return "error", {"reason": "unauthorized"}
        self.member = found
        self._time(renewed=True)
        # What was revoked since it was admitted was told of to nobody.
        await recall(self)
        return "ok", {"expires_in": (found.expires - self._now()) // SECOND}

    def _seat(self, topic: str, name: str) -> Seat[P]:
        seat: Seat[P]

        def put_out() -> None:
            if self._seats.get(topic) is seat:
                self._put_out(topic)

        def push(event: str, payload: Payload) -> None:
            self._push(topic, event, payload)

        seat = Seat(uuid4().hex, topic, name, lambda: self.member, push, put_out)
        return seat

    def _put_out(self, topic: str) -> None:
        """Close a topic that the client has not left by itself; what that takes is done in a task of its own."""
        closed = self._talk.close(topic)
        if closed is not None:
            self._send(closed)
        task = self._loop.create_task(self._left(self._seats.pop(topic)))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _leave(self, topic: str) -> None:
        seat = self._seats.pop(topic, None)
        if seat is not None:
            await self._left(seat)

    async def _left(self, seat: Seat[P]) -> None:
        _end(seat)
        try:
            await self._channel(seat.topic).leave(seat)
        except Exception as error:
            log.error("a leave failed", extra={"kind": seat.topic.partition(":")[0], "error": type(error).__name__})

    async def _empty(self) -> None:
        for topic in tuple(self._seats):
            await self._leave(topic)
        if self._leaving:
            await asyncio.wait(self._leaving)

    def _channel(self, topic: str) -> Any:
        return self._channels[topic.partition(":")[0]]

    def _answer(self, frame: Frame, status: Status, response: Payload = NOTHING) -> None:
        if frame.ref is not None:
            self._send(reply(frame, status, response))

    def _push(self, topic: str, event: str, payload: Payload) -> None:
        frame = self._talk.push(topic, event, payload)
        if frame is not None:
            self._send(frame)

    def _send(self, frame: Frame) -> None:
        self._out.put(encode(frame, self._version))
        if self._out.overflown:
            self.close(BUSY, "too slow")

    async def _write(self, transmit: Transmit) -> None:
        while (text := await self._out.get()) is not None:
            await transmit({"type": "websocket.send", "text": text})

    async def _hang_up(self, writer: asyncio.Task[None], transmit: Transmit) -> None:
        """Let the client take what waits, for a moment, and close."""
        await asyncio.wait((writer,), timeout=0 if self._out.overflown else LINGER)
        if not writer.done():
            writer.cancel()
            await asyncio.wait((writer,))
        elif writer.cancelled() or writer.exception() is not None:
            return
        try:
            async with asyncio.timeout(LINGER):
                await transmit({"type": "websocket.close", "code": self._code, "reason": self._reason})
        except (OSError, TimeoutError, RuntimeError):
            log.debug("a socket was gone before it was closed")


def _end(seat: Seat[Any]) -> None:
    for each in seat.ends:
        each()
