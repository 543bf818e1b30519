"""What is written within one turn of the event loop goes out as one piece, in order, and nothing is lost."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from fhir_server.http.gathering import APART, Gathering


class Wire(asyncio.Transport):
    """A transport that remembers."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def wire() -> Wire:
    return Wire()


def run(wire: Wire, *turns: tuple[bytes, ...], close: bool = False) -> None:
    async def work() -> None:
        gathering = Gathering(wire, asyncio.get_running_loop())
        for turn in turns:
            for part in turn:
                gathering.write(part)
            if not close:
                await asyncio.sleep(0)
        if close:
            gathering.close()
            await asyncio.sleep(0)

    asyncio.run(work())


def test_what_one_turn_writes_is_one_write(wire: Wire):
    run(wire, (b"head", b"body"), (b"head of the next", b"", b"its body"))
    assert wire.sent == [b"headbody", b"head of the nextits body"]


def test_a_large_part_goes_out_at_once_behind_what_came_before_it(wire: Wire):
    large = b"x" * (APART + 1)
    run(wire, (b"head", large, b"tail"))
    assert wire.sent == [b"head", large, b"tail"]


def test_closing_writes_what_is_kept_first(wire: Wire):
    run(wire, (b"last words",), close=True)
    assert (wire.sent, wire.closed) == ([b"last words"], True)


def test_everything_else_is_the_transport_s(wire: Wire):
    async def work() -> tuple[object, bool]:
        gathering = cast(asyncio.Transport, Gathering(wire, asyncio.get_running_loop()))
        return gathering.get_extra_info("peername"), gathering.is_closing()

    assert asyncio.run(work()) == (("127.0.0.1", 1), False)
