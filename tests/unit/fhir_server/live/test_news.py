"""News of the store: what is told of a change, to whom, and that a fault does not silence what comes later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fhir_server.errors import StoreUnavailable
from fhir_server.live import news
from fhir_server.live.news import News
from fhir_server.model.fhir_json import encode
from fhir_server.store.base import Change, Key, Method, Version
from realtime.bus.connect import connect
from realtime.consultations import CHANGES
from realtime.notifications import topic_of

KIND = "urn:fhir-health-server:telemed/CodeSystem/telemed-notification-kind"
NOTE = {
    "resourceType": "Communication",
    "category": [{"coding": [{"system": KIND, "code": "reminder"}]}],
    "recipient": [{"reference": "Patient/ann"}, {"reference": "Practitioner/doc"}, {"display": "nobody"}],
}


class Feed:
    """The change feed of a store, and the resources it tells of; `fails` is raised before anything is answered."""

    def __init__(self) -> None:
        self.fails: list[Exception] = []
        self._changes: list[Change] = []
        self._bodies: dict[Key, bytes] = {}

    def add(self, type: str, id: str, body: bytes, number: int = 1, method: Method = "POST") -> None:
        key = Key(type, id)
        self._bodies[key] = body
        self._changes.append(Change(len(self._changes) + 1, key, number, method, 0))

    async def position(self) -> int:
        if self.fails:
            raise self.fails.pop()
        return len(self._changes)

    async def changes(self, after: int) -> list[Change]:
        if self.fails:
            raise self.fails.pop()
        return [each for each in self._changes if each.position > after]

    async def read(self, key: Key, *, restriction: Any) -> Version:
        return Version(key, 1, 0, "POST", "test", self._bodies[key], 1)


class World:
    def __init__(self) -> None:
        self.bus, self.feed = connect("", ""), Feed()
        self.heard: list[tuple[str, Any]] = []
        self.news = News(self.feed, self.bus)  # type: ignore[arg-type]
        for topic in (CHANGES, topic_of("ann"), topic_of("bob")):
            self.bus.subscribe(topic, lambda message, topic=topic: self.heard.append((topic, message)))  # type: ignore[misc]

    async def run(self, *changes: Callable[[Feed], None]) -> list[tuple[str, Any]]:
        """Begin, let these changes happen, and return what was told."""
        self.news.begin()
        await asyncio.sleep(0.01)
        for each in changes:
            each(self.feed)
            await asyncio.sleep(0.03)
        await self.news.stop()
        return self.heard


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "EVERY", 0.002)


async def test_a_notification_is_told_to_those_recipients_who_listen() -> None:
    told = await World().run(lambda feed: feed.add("Communication", "n", encode(NOTE)))
    assert told == [(topic_of("ann"), {"id": "n"})]


async def test_what_was_there_before_is_not_told() -> None:
    world = World()
    world.feed.add("Communication", "old", encode(NOTE))
    assert await world.run() == []


@pytest.mark.parametrize(
    ("number", "method", "body"),
    [(2, "PUT", NOTE), (1, "DELETE", NOTE), (1, "POST", {"resourceType": "Communication"})],
)
async def test_only_a_new_notification_is_one(number: int, method: Method, body: Any) -> None:
    assert await World().run(lambda feed: feed.add("Communication", "n", encode(body), number, method)) == []


@pytest.mark.parametrize(
    ("type", "appointment"),
    [("Appointment", "x"), ("Consent", None), ("CareTeam", None), ("PractitionerRole", None)],
)
async def test_what_may_put_somebody_out_is_told(type: str, appointment: str | None) -> None:
    told = await World().run(lambda feed: feed.add(type, "x", b"{}", 3, "PUT"))
    assert told == [(CHANGES, {"appointment": appointment})]


async def test_a_fault_or_a_store_that_is_away_does_not_silence_what_comes_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away(feed: Feed) -> None:
        feed.fails.append(StoreUnavailable("away"))
        feed.add("Communication", "n1", encode(NOTE))

    def broken(feed: Feed) -> None:
        feed.add("Communication", "n2", b"{")
        feed.add("Communication", "n3", encode(NOTE))

    told = await World().run(away, broken)
    assert [message["id"] for _, message in told] == ["n1", "n3"]
    assert "news could not be told" in caplog.text


async def test_a_store_that_is_away_at_first_does_not_silence_what_comes_later() -> None:
    world = World()
    world.feed.fails.append(StoreUnavailable("away"))
    told = await world.run(lambda feed: None, lambda feed: feed.add("Communication", "n1", encode(NOTE)))
    assert [message["id"] for _, message in told] == ["n1"]
