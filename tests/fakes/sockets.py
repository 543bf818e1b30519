"""A client of the Phoenix channel protocol, version 2.0.0: what comes is kept until somebody waits for it."""

from __future__ import annotations

import itertools
import json
import time
from types import TracebackType
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.fakes.patience import PATIENCE

Json = dict[str, Any]


class Client:
    """One socket to the server at `root` (`http://…`)."""

    def __init__(self, root: str, token: str = "", *, vsn: str = "2.0.0", **more: Any) -> None:
        query = f"?vsn={vsn}" + (f"&token={token}" if token else "")
        address = root.replace("http", "ws", 1) + "/socket/websocket" + query
        self._connecting = connect(address, compression=None, open_timeout=PATIENCE, close_timeout=5, **more)
        self.socket = self._connecting.__enter__()
        self._refs = itertools.count(101)
        self._joins: dict[str, str] = {}
        self.heard: list[list[Any]] = []

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connecting.__exit__(kind, value, trace)

    def send(self, topic: str, event: str, payload: Any = None, *, ref: str | None = None) -> str:
        """Send a message; return its ref."""
        ref = ref or str(next(self._refs))
        if event == "phx_join":
            self._joins[topic] = ref
        self.socket.send(json.dumps([self._joins.get(topic), ref, topic, event, payload or {}]))
        return ref

    def ask(self, topic: str, event: str, payload: Any = None) -> Json:
        """Send a message; return the answer: `status` and `response`."""
        ref = self.send(topic, event, payload)
        return dict(self._until(lambda frame: frame[1] == ref and frame[3] == "phx_reply")[4])

    def join(self, topic: str, payload: Any = None) -> Json:
        return self.ask(topic, "phx_join", payload)

    def hear(self, event: str, topic: str | None = None) -> Json:
        """Return the payload of the next such event that was not heard before."""
        return dict(self._until(lambda frame: frame[3] == event and topic in (None, frame[2]))[4])

    def silent(self, event: str, seconds: float = 0.3) -> bool:
        """Return whether no such event comes for a while."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self._take(left)
        return all(frame[3] != event for frame in self.heard)

    def to_the_end(self) -> tuple[list[list[Any]], int]:
        """Hear everything until the server closes; return it, and the code it closes with."""
        try:
            while self._take(PATIENCE):
                continue
        except ConnectionClosed as closed:
            if closed.rcvd is not None:
                return self.heard, closed.rcvd.code
        raise AssertionError("the server did not close the socket")

    def _take(self, seconds: float) -> bool:
        try:
            self.heard.append(json.loads(self.socket.recv(timeout=seconds)))
        except TimeoutError:
            return False
        return True

    def _until(self, wanted: Any) -> list[Any]:
        ends = time.monotonic() + PATIENCE
        while True:
            for frame in self.heard:
                if wanted(frame):
                    self.heard.remove(frame)
                    return frame
            left = ends - time.monotonic()
            if left <= 0 or not self._take(left):
                raise AssertionError(f"it did not come; heard: {self.heard}")
