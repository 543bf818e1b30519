"""The bus of several workers, over Redis' Pub/Sub (https://redis.io/docs/latest/develop/pubsub/): nothing is stored.

Each worker has two connections, one that it publishes on, so that its messages stay in order, and one that it hears
with. Every second it says that it lives; who is not heard of for `LEASE` is lost. A worker hears itself, too: when its
own words do not come back, or a connection breaks, the bus is away, and connects anew until it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any
from uuid import uuid4

import msgspec
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from realtime.bus.base import End, Happening, Hear, Message, Watch
from realtime.bus.listeners import Listeners

BEAT = 1.0
"""Seconds between two signs of life."""
LEASE = 5.0
"""Seconds after which a worker that was not heard of is lost."""
TIMEOUT = 3.0
"""Seconds for Redis to answer."""
WAITS = 0.2, 0.5, 1.0
"""Seconds between attempts to connect; the last one again and again."""
MOST = 20_000
"""Messages that wait to be published; with more, Redis is too slow to be there at all."""
AT_ONCE = 500
"""Messages that are published together."""
LIFE = "workers"
"""The topic of signs of life."""
ID = 32
"""Characters of a worker's id, which stand before each message."""

log = logging.getLogger("realtime")


class _TooSlow(Exception):
    """Redis does not keep up, or its answers do not come back."""


class RedisBus:
    """See `realtime.bus.base.Bus`. Raises ValueError for an address that is none. `beat` and `lease` are seconds."""

    def __init__(self, address: str, name: str, *, beat: float = BEAT, lease: float = LEASE) -> None:
        once: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "protocol": 2}
        self._pool = ConnectionPool.from_url(address, **once)
        # Its own timeout of what is sent can lose a cancellation that comes as the sending ends.
        self._pool.connection_kwargs["socket_timeout"] = None
        self._prefix = f"fhir-health-server:{name}:"
        self._beat, self._lease = beat, lease
        self._listeners = Listeners()
        self._watching: list[Watch] = []
        self._alive: dict[str, float] = {}
        self._heard_myself = 0.0
        self._queue: deque[tuple[str, bytes, asyncio.Future[int] | None]] = deque()
        self._queued = asyncio.Event()
        self._listened = asyncio.Event()
        self._subscriptions = _Subscriptions()
        self._tasks: list[asyncio.Task[None]] = []
        self._last: Happening | None = None
        self.worker = uuid4().hex
        self._closing = False
        self.away = True

    def subscribe(self, topic: str, hear: Hear) -> End:
        """See `Bus.subscribe`."""
        end = self._listeners.add(topic, hear)
        self._listened.set()

        def ended() -> None:
            end()
            self._listened.set()

        return ended

    def publish(self, topic: str, message: Message) -> None:
        """See `Bus.publish`."""
        self._listeners.tell(topic, message)
        self._put(topic, message)

    def publish_here(self, topic: str, message: Message) -> None:
        """See `Bus.publish_here`."""
        self._listeners.tell(topic, message)

    async def call(self, topic: str, message: Message) -> int:
        """See `Bus.call`: 0, too, when Redis does not answer in time."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        mine = topic in self._listeners
        try:
            async with asyncio.timeout(TIMEOUT):
                if mine and not self.away:
                    await self._subscriptions.ready({topic})
                return max(0, await answer - mine) if self._put(topic, message, answer) else 0
        except TimeoutError:
            return 0

    def is_heard(self, topic: str) -> bool:
        """See `Bus.is_heard`."""
        return topic in self._listeners

    def watch(self, told: Watch) -> None:
        """See `Bus.watch`."""
        self._watching.append(told)

    async def open(self) -> None:
        """See `Bus.open`: when Redis is not there the bus is away, and goes on trying."""
        tried = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._live(tried)), loop.create_task(self._miss())]
        await tried.wait()

    async def close(self) -> None:
        """See `Bus.close`."""
        self._closing = True
        if not self.away:
            await self.call(LIFE, {"ends": True})
        for each in self._tasks:
            each.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _live(self, tried: asyncio.Event) -> None:
        failures = 0
        # A group whose tasks fail while it is cancelled tells of the failures alone.
        while not self._closing:
            publishing, hearing = self._connection(), self._connection()
            try:
                async with asyncio.timeout(TIMEOUT):
                    await publishing.connect()  # type: ignore[no-untyped-call]
                    await hearing.connect()  # type: ignore[no-untyped-call]
                async with asyncio.TaskGroup() as together:
                    together.create_task(self._hear(hearing))
                    together.create_task(self._follow(hearing))
                    together.create_task(self._write(publishing))
                    together.create_task(self._beats(tried))
            except* Exception as errors:
                failures = 0 if not self.away else failures + 1
                self._lose(sorted({type(each).__name__ for each in errors.exceptions}))
            finally:
                self.away = True
                for each in (publishing, hearing):
                    await each.disconnect(nowait=True)
            tried.set()
            await asyncio.sleep(WAITS[min(failures, len(WAITS) - 1)])

    def _connection(self) -> AbstractConnection:
        return self._pool.connection_class(**self._pool.connection_kwargs)

    def _lose(self, why: list[str]) -> None:
        self.away = True
        for _, _, answer in self._queue:
            if answer is not None and not answer.done():
                answer.set_result(0)
        self._queue.clear()
        self._subscriptions = _Subscriptions()
        if self._last != "away":
            log.warning("the bus between servers is away", extra={"error": ", ".join(why)})
            self._happened("away")

    async def _beats(self, tried: asyncio.Event) -> None:
        """Say that this worker lives, from when the bus is back."""
        loop = asyncio.get_running_loop()
        await self._subscriptions.ready({LIFE})
        tried.set()
        while True:
            self._put(LIFE, {"ends": False})
            await asyncio.sleep(self._beat)
            if self._heard_myself < loop.time() - self._lease:
                raise _TooSlow

    def _come_back(self) -> None:
        self.away, self._heard_myself = False, asyncio.get_running_loop().time()
        if self._last == "away":
            log.warning("the bus between servers is back")
        self._happened("back")

    async def _miss(self) -> None:
        """Tell who was not heard of for too long."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._beat)
            now = loop.time()
            for worker in [worker for worker, until in self._alive.items() if until < now]:
                del self._alive[worker]
                self._happened("lost", worker)

    async def _follow(self, connection: AbstractConnection) -> None:
        """Subscribe to what is listened to, and to nothing else."""
        while True:
            self._listened.clear()
            for command, topics in self._subscriptions.change({LIFE, *self._listeners.topics}):
                async with asyncio.timeout(TIMEOUT):
                    await connection.send_command(
                        command, *(self._prefix + each for each in topics), check_health=False
                    )
            await self._listened.wait()

    async def _hear(self, connection: AbstractConnection) -> None:
        prefix = len(self._prefix)
        while True:
            kind, channel, data = await connection.read_response()
            topic = channel.decode()[prefix:]
            if kind == b"message":
                try:
                    self._take(topic, data)
                except Exception as error:
                    # Whatever is wrong with one message, or with who hears it, must not keep others from being heard.
                    log.error("what came over the bus was not understood", extra={"error": type(error).__name__})
            elif kind == b"subscribe":
                self._subscriptions.confirm(topic)
                if topic == LIFE:
                    # At once: what is read next may be the word of another worker, who is found after the bus is back.
                    self._come_back()

    async def _write(self, connection: AbstractConnection) -> None:
        while True:
            await self._queued.wait()
            self._queued.clear()
            while self._queue:
                if len(self._queue) >= MOST:
                    raise _TooSlow
                some = [self._queue.popleft() for _ in range(min(AT_ONCE, len(self._queue)))]
                commands = [("PUBLISH", self._prefix + topic, data) for topic, data, _ in some]
                async with asyncio.timeout(TIMEOUT):
                    await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
                    for _, _, answer in some:
                        count = await connection.read_response()
                        if answer is not None and not answer.done():
                            answer.set_result(count)

    def _take(self, topic: str, data: bytes) -> None:
        worker, now = data[:ID].decode("ascii", "replace"), asyncio.get_running_loop().time()
        if worker == self.worker:
            self._heard_myself = now
            return
        message = msgspec.json.decode(data[ID:])
        if topic == LIFE and message["ends"]:
            if self._alive.pop(worker, None) is not None:
                self._happened("lost", worker)
            return
        known = worker in self._alive
        self._alive[worker] = now + self._lease
        if not known:
            self._happened("found", worker)
        self._listeners.tell(topic, message)

    def _put(self, topic: str, message: Message, answer: asyncio.Future[int] | None = None) -> bool:
        """Queue a message for other workers; return whether it can be sent."""
        if self.away or len(self._queue) >= MOST:
            return False
        self._queue.append((topic, self.worker.encode() + msgspec.json.encode(message), answer))
        self._queued.set()
        return True

    def _happened(self, happening: Happening, worker: str = "") -> None:
        if not worker:
            self._last = happening
        for told in self._watching:
            told(happening, worker)


class _Subscriptions:
    """What one connection is subscribed to, and whether Redis has confirmed it."""

    def __init__(self) -> None:
        self._topics: set[str] = set()
        self._pending: dict[str, int] = {}
        self._confirmed = asyncio.Event()

    def change(self, wanted: set[str]) -> list[tuple[str, list[str]]]:
        """Return the commands after which the topics are those that are wanted; `LIFE` is confirmed last."""
        more, less = sorted(wanted - self._topics, key=LIFE.__eq__), sorted(self._topics - wanted)
        self._topics = set(wanted)
        for topic in more:
            self._pending[topic] = self._pending.get(topic, 0) + 1
        return [(command, topics) for command, topics in (("SUBSCRIBE", more), ("UNSUBSCRIBE", less)) if topics]

    def confirm(self, topic: str) -> None:
        """Note that Redis has confirmed a subscription."""
        self._pending[topic] -= 1
        if not self._pending[topic]:
            del self._pending[topic]
            self._confirmed.set()

    async def ready(self, topics: set[str]) -> None:
        """Return once all of these are heard."""
        while not topics <= self._topics or topics & self._pending.keys():
            self._confirmed.clear()
            await self._confirmed.wait()
