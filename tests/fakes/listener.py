"""A real HTTP listener on a port of its own, as subscribers have one: what it was sent, and what it answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.fakes.patience import PATIENCE


@dataclass(frozen=True)
class Received:
    """A request: `headers` by name in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[int]:
        """The numbers of the events that a notification of a topic tells of."""
        rows = self.status.get("notification-event", [])
        return [int(part["valueString"]) for row in rows for part in row["part"] if part["name"] == "event-number"]

    @property
    def status(self) -> dict[str, list[Any]]:
        """The parameters of the status in a notification of a topic, by name."""
        found: dict[str, list[Any]] = {}
        for row in self.json["entry"][0]["resource"]["parameter"]:
            found.setdefault(row["name"], []).append(row)
        return found


@dataclass(frozen=True)
class Reply:
    """An answer that says more than its status."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Answer = Callable[[Received], int | Reply]


class Listener:
    """Takes requests; `answer` says how to answer, and may take its time: each request has a thread of its own.

    What is sent to another `room` than that of now, a path, comes from a test that is over, and is not looked at.
    """

    def __init__(self, answer: Answer = lambda request: 200) -> None:
        self.answer = answer
        self.room = ""
        self.received: list[Received] = []
        self._come = threading.Condition()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                names = {name.lower(): value for name, value in self.headers.items()}
                room = listener.room
                said: int | Reply = 200
                if self.path.startswith(room):
                    request = Received(self.command, self.path[len(room) :] or "/", names, body)
                    with listener._come:
                        listener.received.append(request)
                        listener._come.notify_all()
                    said = listener.answer(request)
                reply = said if isinstance(said, Reply) else Reply(said)
                try:
                    self.send_response(reply.status)
                    for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(reply.body)
                except ConnectionError:
                    # Who asked is gone, as it is when it is killed.
                    self.close_connection = True

            do_POST = do_PUT = do_DELETE = _take

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def endpoint(self) -> str:
        """The address of the room."""
        return self.origin + self.room

    def enter(self, room: str) -> None:
        """Forget what has come, and look at what comes to another room."""
        with self._come:
            self.room = room
            self.received = []
            self.answer = lambda request: 200

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, enough: Callable[[list[Received]], bool]) -> list[Received]:
        """Return what has come once that is enough."""
        ends = time.monotonic() + PATIENCE
        with self._come:
            while not enough(self.received):
                left = ends - time.monotonic()
                if left <= 0 or not self._come.wait(left):
                    raise AssertionError(f"it did not come; there came {[r.path for r in self.received]}")
            return list(self.received)

    def count(self, number: int) -> list[Received]:
        """Return what has come once there are so many."""
        return self.wait(lambda received: len(received) >= number)
