"""An outbox: bounded by number and size, in order, and closed for good."""

from __future__ import annotations

import asyncio

from realtime.outbox import Outbox


async def test_what_waits_is_got_in_order_after_closing_too() -> None:
    box = Outbox(10, 100)
    box.put("a")
    box.put("b")
    box.close()
    box.put("c")
    assert [await box.get() for _ in range(3)] == ["a", "b", None]
    assert not box.overflown


async def test_too_many_or_too_much_closes_and_empties_it() -> None:
    for most, size, texts in ((2, 100, "abc"), (10, 2, "abc")):
        box = Outbox(most, size)
        for text in texts:
            box.put(text)
        assert (box.overflown, box.closed, await box.get()) == (True, True, None)


async def test_who_waits_is_woken() -> None:
    box = Outbox(10, 100)
    waiting = asyncio.get_running_loop().create_task(box.get())
    await asyncio.sleep(0)
    box.put("a")
    assert await waiting == "a"
    waiting = asyncio.get_running_loop().create_task(box.get())
    await asyncio.sleep(0)
    box.close()
    assert await waiting is None
