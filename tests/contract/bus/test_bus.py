"""What every bus does: topics are heard where they are listened to, in order, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.contract.bus.conftest import Pair
from tests.fakes.patience import until

ODD: Any = {"text": "é€\u2028\n\0", "number": 10**18, "nested": [{"a": None}, True, 1.5], "": ""}


async def heard(pair: Pair, topic: str, heard: list[Any]) -> Callable[[], None]:
    """Let the second worker listen; return once the first one reaches it."""
    end = pair[1].subscribe(topic, heard.append)
    await pair[1].call(topic, {})
    return end


async def test_what_is_published_is_heard_in_order(pair: Pair) -> None:
    found: list[Any] = []
    await heard(pair, "a", found)
    for number in range(500):
        pair[0].publish("a", {"number": number})
    await until(lambda: len(found) >= 500)
    assert [each["number"] for each in found] == list(range(500))


async def test_a_message_comes_as_it_was_sent(pair: Pair) -> None:
    found: list[Any] = []
    await heard(pair, "a b:c/é", found)
    pair[0].publish("a b:c/é", ODD)
    await until(lambda: bool(found))
    assert found == [ODD]


async def test_nobody_hears_other_topics_or_after_they_have_stopped(pair: Pair) -> None:
    found: list[Any] = []
    end = await heard(pair, "a", found)
    other: list[Any] = []
    await heard(pair, "b", other)
    end()
    end()
    pair[0].publish("a", {"number": 1})
    pair[0].publish("b", {"number": 2})
    await until(lambda: bool(other))
    assert (found, other) == ([], [{"number": 2}])
    assert (pair[1].is_heard("a"), pair[1].is_heard("b")) == (False, True)


async def test_who_stops_and_listens_again_hears(pair: Pair) -> None:
    found: list[Any] = []
    for number in range(5):
        end = await heard(pair, "a", found)
        pair[0].publish("a", {"number": number})
        await until(lambda: len(found) > number)  # noqa: B023
        end()
    assert [each["number"] for each in found] == list(range(5))


async def test_the_publisher_hears_itself_once_and_at_once(pair: Pair) -> None:
    found: list[Any] = []
    pair[0].subscribe("a", found.append)
    pair[0].publish("a", {"number": 1})
    assert found == [{"number": 1}]
    pair[0].publish_here("a", {"number": 2})
    assert [each["number"] for each in found] == [1, 2]
    await heard(pair, "b", found)
    pair[0].publish("b", {"number": 3})
    await until(lambda: found[-1]["number"] == 3)
    assert [each["number"] for each in found] == [1, 2, 3]


async def test_what_is_published_here_is_heard_here_alone(pair: Pair) -> None:
    found: list[Any] = []
    await heard(pair, "a", found)
    pair[0].publish_here("a", {"number": 1})
    pair[0].publish("a", {"number": 2})
    await until(lambda: {"number": 2} in found)
    assert found == ([{"number": 1}, {"number": 2}] if pair[0] is pair[1] else [{"number": 2}])


async def test_a_call_tells_how_many_others_have_heard_it(pair: Pair) -> None:
    found: list[Any] = []
    alone = pair[0] is pair[1]
    assert await pair[0].call("a", {"number": 1}) == 0
    end = pair[0].subscribe("a", lambda message: None)
    assert await pair[0].call("a", {"number": 1}) == 0
    await heard(pair, "a", found)
    assert await pair[0].call("a", {"number": 2}) == (0 if alone else 1)
    await until(lambda: alone or found == [{"number": 2}])
    end()


async def test_who_stops_listening_while_hearing_harms_nobody(pair: Pair) -> None:
    found: list[Any] = []

    def once(message: Any) -> None:
        found.append(message)
        end()

    end = pair[1].subscribe("a", once)
    await heard(pair, "a", found)
    for number in (1, 2):
        pair[0].publish("a", {"number": number})
    await until(lambda: len(found) >= 3)
    assert [each["number"] for each in found] == [1, 1, 2]


async def test_workers_have_names_of_their_own(pair: Pair) -> None:
    assert len({each.worker for each in pair}) == (1 if pair[0] is pair[1] else 2)
    assert not any(each.away for each in pair)
