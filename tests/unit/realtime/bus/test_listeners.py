"""Who listens to which topic."""

from __future__ import annotations

from typing import Any

from realtime.bus.listeners import Listeners


def test_a_topic_is_there_as_long_as_somebody_listens() -> None:
    listeners = Listeners()
    ends = [listeners.add("a", lambda message: None) for _ in range(2)]
    listeners.add("b", lambda message: None)
    ends[0]()
    ends[0]()
    assert ("a" in listeners, listeners.topics) == (True, ("a", "b"))
    ends[1]()
    assert ("a" in listeners, listeners.topics) == (False, ("b",))


def test_one_function_may_listen_twice_and_is_told_in_the_order_of_listening() -> None:
    listeners, heard = Listeners(), []  # type: ignore[var-annotated]

    def hear(message: Any) -> None:
        heard.append(message)

    end = listeners.add("a", hear)
    listeners.add("a", hear)
    listeners.tell("a", {"number": 1})
    end()
    listeners.tell("a", {"number": 2})
    listeners.tell("nobody", {"number": 3})
    assert heard == [{"number": 1}, {"number": 1}, {"number": 2}]
