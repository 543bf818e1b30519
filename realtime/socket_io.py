"""Sockets of older clients, which speak socket.io (https://socket.io/docs/v4/socket-io-protocol/): a thin adapter.

python-socketio speaks the protocol. Each connection is a `Socket` like any other, with the same limits and ends; only
its words are translated (`bare_words`). This module is loaded when the first such client comes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec
import socketio

from realtime.bare_words import BareWords
from realtime.codes import BAD, GONE, RESTARTS
from realtime.phoenix import BadFrame
from realtime.ports import Member
from realtime.socket import Message, Receive, Transmit
from realtime.sockets import Sockets

P = TypeVar("P")
MEMBER = "realtime.member"
"""Where the scope of the first request of a connection says who is let in."""
BEAT = 30.0
"""Seconds between heartbeats in the client's name: socket.io has its own, which it answers for."""
WAITING = 16
"""Messages that may wait in the library: what is more waits in the socket's bounded box."""
COMING = 256
"""Messages that may wait to be read; a client that sends more while one is being answered is put out."""
PACKETS = tuple("0123456")
"""How packets of engine.io begin (https://socket.io/docs/v4/engine-io-protocol/)."""
BINARY = ("5", "6")
"""How packets begin that announce binary attachments: no event has any."""
HEARTBEAT: Message = {"type": "websocket.receive", "text": '[null,null,"phoenix","heartbeat",{}]'}

log = logging.getLogger("realtime")


class _Log:
    """What the library has to say: that something went wrong, and never with what, which may be somebody's words."""

    def info(self, *_: Any) -> None:
        """Say nothing: every packet is told here."""

    def error(self, *_: Any) -> None:
        """Say that something was not understood."""
        log.info("a socket.io client was not understood")

    warning = exception = error


class _Json:
    """JSON for the library, for which text that is nested too deeply is no JSON, like any other."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        """Return a value as JSON."""
        return msgspec.json.encode(value).decode()

    @staticmethod
    def loads(text: str) -> Any:
        """Return the value that is written. Raises ValueError."""
        try:
            return msgspec.json.decode(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class _Link:
    """One connection: what has come from it and waits to be read, and whether it is gone."""

    def __init__(self, server: Any, sid: str, engine: str) -> None:
        self.words = BareWords()
        self.answers: dict[str, asyncio.Future[Mapping[str, Any]]] = {}
        self._server = server
        self._sid = sid
        self._engine = engine
        self._incoming: asyncio.Queue[Message] = asyncio.Queue(COMING)
        self._gone = asyncio.Event()

    def come(self, message: Message) -> bool:
        """Queue a message; return whether there was place."""
        try:
            self._incoming.put_nowait(message)
        except asyncio.QueueFull:
            return False
        return True

    def go(self) -> None:
        """Note that the client is gone."""
        self._gone.set()
        while not self.come({"type": "websocket.disconnect", "code": GONE}):
            self._incoming.get_nowait()

    async def receive(self) -> Message:
        """Return what comes next; a heartbeat when nothing does for a while."""
        try:
            async with asyncio.timeout(BEAT):
                return await self._incoming.get()
        except TimeoutError:
            return HEARTBEAT

    async def transmit(self, message: Message) -> None:
        """Send a frame of the server, or hang up."""
        if message["type"] == "websocket.close":
            await self._part(message["code"], message["reason"])
            return
        told = self.words.told(message["text"])
        if told is None:
            return
        answer = self.answers.pop(told.ref, None) if told.ref is not None else None
        if answer is not None and not answer.done():
            answer.set_result(told.payload)
        if told.event is not None and not self._gone.is_set():
            await self._server.emit(told.event, told.payload, to=self._sid)
            await self._drained()

    async def _drained(self) -> None:
        """Wait until the library has little left to send to a client that is still there."""
        engine = self._server.eio.sockets.get(self._engine)
        if engine is None or engine.queue.qsize() < WAITING:
            return
        waits = {asyncio.ensure_future(engine.queue.join()), asyncio.ensure_future(self._gone.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def end(self) -> None:
        """Wait for no answer any more, and close what is left of the connection."""
        for each in self.answers.values():
            each.cancel()
        await _hang_up(self._server, self._engine)

    async def _part(self, code: int, reason: str) -> None:
        if self._gone.is_set():
            return
        await self._server.emit("closing", {"code": code, "reason": reason}, to=self._sid)
        if code not in (GONE, RESTARTS):
            # A client that is put out by name does not come back by itself; one whose transport breaks does.
            await self._server.disconnect(self._sid)


class SocketIo(Generic[P]):
    """The ASGI application of socket.io over the sockets of a tenant; who is let in is in the scope under `MEMBER`."""

    def __init__(self, sockets: Sockets[P], is_allowed: Callable[[str], bool], most_bytes: int) -> None:
        """`is_allowed` says which origins may read its answers, `most_bytes` is the size of a message."""
        self._sockets = sockets
        self._links: dict[str, _Link] = {}
        self._living: set[asyncio.Task[None]] = set()
        self._server: Any = socketio.AsyncServer(
            async_mode="asgi",
            cors_allowed_origins=lambda origin, _environ: origin is not None and is_allowed(origin),
            cors_credentials=False,
            http_compression=False,
            max_http_buffer_size=most_bytes,
            json=_Json,
            logger=_Log(),
            engineio_logger=_Log(),
        )
        self._server.on("connect", self._connect)
        self._server.on("disconnect", self._disconnect)
        self._server.on("*", self._say)
        self._server.eio.on("message", self._packet)
        self._app = socketio.ASGIApp(self._server)

    async def __call__(self, scope: Message, receive: Receive, send: Transmit) -> None:
        """Answer one request of a client."""
        try:
            await self._app(scope, _packets(receive) if scope["type"] == "websocket" else receive, send)
        except Exception as error:
            # Its text may quote what it failed on.
            log.error("a socket.io request failed", extra={"error": type(error).__name__})

    async def close(self) -> None:
        """Stop what runs beside; the sockets themselves are closed by `Sockets`."""
        if self._living:
            await asyncio.wait(self._living, timeout=2.0)
        await self._server.shutdown()

    async def _packet(self, engine: str, data: Any) -> None:
        """Hand on a packet of text; whoever sends another kind is put out."""
        try:
            if not isinstance(data, str) or data.startswith(BINARY):
                raise ValueError("messages are text")
            await self._server._handle_eio_message(engine, data)
        except Exception as error:
            log.info("a socket.io client is put out", extra={"error": type(error).__name__})
            await _hang_up(self._server, engine)

    async def _connect(self, sid: str, environ: Any, _auth: Any = None) -> None:
        if sid in self._links:
            # A client has emitted an event of this name.
            return
        member = environ["asgi.scope"].pop(MEMBER, None)
        if not isinstance(member, Member):
            raise socketio.exceptions.ConnectionRefusedError("unauthorized")
        link = self._links[sid] = _Link(self._server, sid, self._server.manager.eio_sid_from_sid(sid, "/"))
        task = asyncio.get_running_loop().create_task(self._live(link, member))
        self._living.add(task)
        task.add_done_callback(self._living.discard)

    async def _live(self, link: _Link, member: Member[P]) -> None:
        try:
            await self._sockets.serve(member, "2.0.0", link.receive, link.transmit)
        finally:
            await link.end()

    async def _disconnect(self, sid: str, *_: Any) -> None:
        link = self._links.pop(sid, None)
        if link is not None:
            link.go()

    async def _say(self, event: str, sid: Any = "", *said: Any) -> Mapping[str, Any] | None:
        """Take what a client says; what is returned goes to the client if it has asked for an answer."""
        # An event that a client calls `*` comes here with the client's own id in place of its name.
        link = None if event in self._links else self._links.get(sid)
        if link is None:
            return None
        try:
            ref, text = link.words.frame(event, said[0] if said else None)
        except BadFrame as error:
            return {"status": "error", "response": {"reason": str(error)}}
        answer: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        link.answers[ref] = answer
        if not link.come({"type": "websocket.receive", "text": text}):
            link.go()
            return None
        await asyncio.wait((answer,))
        return None if answer.cancelled() else answer.result()


def _packets(receive: Receive) -> Receive:
    """Return what receives packets only: whoever sends anything else is taken for gone."""

    async def received() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive" and not (message.get("text") or "").startswith(PACKETS):
            return {"type": "websocket.disconnect", "code": BAD}
        return message

    return received


async def _hang_up(server: Any, engine: str) -> None:
    """Close a connection once what waits for it is sent."""
    found = server.eio.sockets.get(engine)
    if found is not None:
        await found.close(wait=False)
        # Ends the library's writer: by itself it would wait for the client to close.
        await found.queue.put(None)
