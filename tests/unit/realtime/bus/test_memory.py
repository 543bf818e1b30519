"""The bus of one process."""

from __future__ import annotations

from typing import Any

from realtime.bus.memory import MemoryBus


def test_who_listens_hears_in_order_and_nobody_else() -> None:
    bus, heard, other = MemoryBus(), [], []  # type: ignore[var-annotated]
    end = bus.subscribe("a", heard.append)
    bus.subscribe("b", other.append)
    for number in range(3):
        bus.publish("a", {"number": number})
    assert [each["number"] for each in heard] == [0, 1, 2]
    assert other == []
    end()
    end()
    bus.publish("a", {"number": 3})
    assert len(heard) == 3
    assert (bus.is_heard("a"), bus.is_heard("b")) == (False, True)


def test_who_stops_listening_while_hearing_harms_nobody() -> None:
    bus, heard = MemoryBus(), []  # type: ignore[var-annotated]

    def once(message: Any) -> None:
        heard.append(message)
        end()

    end = bus.subscribe("a", once)
    bus.subscribe("a", heard.append)
    bus.publish("a", {})
    bus.publish("a", {})
    assert len(heard) == 3
