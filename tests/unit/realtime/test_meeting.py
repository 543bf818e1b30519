"""Meetings: one room at several workers, whose clients hear what one worker's would."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

import pytest

from realtime.channel import Seat
from realtime.meeting import Meeting
from realtime.ports import Member, Refused
from tests.fakes.buses import Hub, HubBus

TOPIC = "consultation:1"


class Side:
    """A worker with one seat in the room."""

    def __init__(self, hub: Hub, user: str, role: str = "doctor") -> None:
        self.bus: HubBus = hub.bus()
        self.news: list[str] = []
        self.heard: list[tuple[str, Any]] = []
        self.user, self.role = user, role
        self.meeting: Meeting[str] = Meeting(TOPIC, self.bus, itertools.count(1), lambda _: self.news.append(user))

    async def enter(self, *, waits: bool = False) -> Side:
        member = Member(self.user, self.role, "g", 0, "")
        hear = lambda event, payload: self.heard.append((event, payload))  # noqa: E731
        await self.meeting.open()
        self.meeting.seats[self.user] = Seat(self.user, TOPIC, "1", lambda: member, hear, lambda: None)
        self.meeting.tell(self.meeting.room.enter(self.user, self.user, self.role, 0, waits=waits))
        return self

    def events(self) -> list[str]:
        return [event for event, _ in self.heard]


async def test_who_comes_later_is_told_of_who_is_elsewhere_at_once() -> None:
    hub = Hub()
    doctor = await Side(hub, "doc").enter()
    patient = await Side(hub, "pat", "patient").enter()
    assert patient.events() == ["presence_state"]
    assert set(patient.heard[0][1]) == {"doc", "pat"}
    assert doctor.events() == ["presence_state", "presence_diff", "user_joined"]
    assert doctor.news == ["doc"]


async def test_who_waits_elsewhere_is_admitted_from_here() -> None:
    hub = Hub()
    patient = await Side(hub, "pat", "patient").enter(waits=True)
    doctor = await Side(hub, "doc").enter()
    assert doctor.events() == ["presence_state", "user_waiting"]
    assert patient.events() == [], "who waits hears nothing"
    doctor.meeting.tell(doctor.meeting.room.admit("doc", "pat"))
    assert patient.events() == ["admitted", "presence_state"]
    assert doctor.events()[2:] == ["presence_diff", "user_joined"]
    assert patient.meeting.room.knows("pat")


async def test_a_signal_goes_to_the_seat_it_is_for_wherever_that_is() -> None:
    hub = Hub()
    sides = [await Side(hub, user).enter() for user in ("a", "b", "c")]
    sides[0].meeting.tell(sides[0].meeting.room.signal("a", "webrtc_offer", {"offer": 1, "to": "c"}))
    assert ["webrtc_offer" in side.events() for side in sides] == [False, False, True]


async def test_what_is_for_this_worker_alone_does_not_travel() -> None:
    hub = Hub(at_once=False)
    side, other = Side(hub, "a"), Side(hub, "x")
    await other.enter()
    hub.deliver_all()
    await side.enter()
    hub.deliver_all()
    side.meeting.tell(side.meeting.room.media("a", {"audio": False}))
    assert [bond for bond in hub.waiting if bond[0] == side.bus.worker], "what others must know of it travels"
    hub.deliver_all()
    assert other.events()[-1] == "media_state"
    other.meeting.tell(other.meeting.room.leave("x"))
    hub.deliver_all()
    side.meeting.tell(side.meeting.room.chat("a", "alone", "now"))
    assert not hub.waiting


async def test_a_worker_that_is_lost_takes_its_seats_with_it() -> None:
    hub = Hub()
    one, other = await Side(hub, "a").enter(), await Side(hub, "b").enter()
    one.meeting.lose(other.bus.worker)
    assert one.events()[-2:] == ["presence_diff", "user_left"]
    assert set(one.meeting.room.presence) == {"a"}
    other.meeting.ask()
    assert one.events()[-2:] == ["presence_diff", "user_joined"]


async def test_what_cannot_be_delivered_is_refused_before_anybody_is_told() -> None:
    hub = Hub()
    one, _ = await Side(hub, "a").enter(), await Side(hub, "b").enter()
    hub.cut(one.bus.worker)
    before = len(one.heard)
    tellings = one.meeting.room.chat("a", "hello", "now")
    with pytest.raises(Refused, match="unavailable"):
        one.meeting.demand_reached(tellings)
    assert len(one.heard) == before


async def test_a_state_that_comes_late_changes_nothing() -> None:
    hub = Hub(at_once=False)
    one, other = Side(hub, "a"), Side(hub, "b")
    await one.enter()
    other.meeting._deaf = other.bus.subscribe(TOPIC, other.meeting._hear)
    one.meeting.announce(again=True)
    ((_, late),) = hub.waiting[(one.bus.worker, other.bus.worker)]
    hub.deliver_all()
    one.meeting.tell(one.meeting.room.leave("a"))
    hub.deliver_all()
    hub.waiting[(one.bus.worker, other.bus.worker)] = deque([(TOPIC, late)])
    hub.deliver_all()
    assert other.meeting.room.presence == {}


async def test_a_meeting_that_closes_answers_who_has_just_asked() -> None:
    hub = Hub()
    one = await Side(hub, "a").enter()
    heard: list[Any] = []
    hub.bus().subscribe(TOPIC, heard.append)
    one.meeting.tell(one.meeting.room.leave("a"))
    one.meeting.close()
    assert heard[-1]["kind"] == "state"
    assert heard[-1]["seats"] == {}
    assert not one.bus.is_heard(TOPIC)
