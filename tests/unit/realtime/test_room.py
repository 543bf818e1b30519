"""Rooms: who hears what, and that presence is always what is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.ports import Refused
from realtime.room import Room, Telling, told


def events(tellings: Sequence[Telling], seat: str) -> list[str]:
    return [each.event for each in tellings if seat in each.to]


@pytest.fixture
def room() -> Room:
    """A room with a doctor (seat d) and a patient (seat p)."""
    found = Room()
    found.enter("d", "doc", "doctor", 100, waits=False)
    found.enter("p", "pat", "patient", 101, waits=False)
    return found


def test_who_comes_in_is_told_who_is_there_and_the_others_who_came() -> None:
    room = Room()
    first = room.enter("d", "doc", "doctor", 100, waits=False)
    assert [(each.to, each.event) for each in told(first)] == [(("d",), "presence_state")]
    second = room.enter("p", "pat", "patient", 101, waits=False)
    meta = {"phx_ref": "p", "role": "patient", "online_at": 101, "audio": True, "video": True}
    assert told(second)[1:] == [
        Telling(("d",), "presence_diff", {"joins": {"pat": {"metas": [meta]}}, "leaves": {}}),
        Telling(("d",), "user_joined", {"user_id": "pat", "role": "patient"}),
    ]


def test_a_second_connection_is_no_second_user(room: Room) -> None:
    assert events(room.enter("p2", "pat", "patient", 102, waits=False), "d") == ["presence_diff"]
    assert [meta["phx_ref"] for meta in room.presence["pat"]["metas"]] == ["p", "p2"]
    assert events(room.leave("p"), "d") == ["presence_diff"]
    assert events(room.leave("p2"), "d") == ["presence_diff", "user_left"]
    assert room.leave("p2") == []


def test_who_waits_hears_nothing_and_says_nothing() -> None:
    room = Room()
    room.enter("p", "pat", "patient", 100, waits=True)
    tellings = room.enter("d", "doc", "doctor", 101, waits=False)
    assert events(tellings, "p") == []
    assert events(tellings, "d") == ["presence_state", "user_waiting"]
    assert set(room.presence) == {"doc"}
    for act in (
        lambda: room.chat("p", "hello", "now"),
        lambda: room.signal("p", "webrtc_offer", {"offer": 1}),
        lambda: room.media("p", {}),
        lambda: room.end("p"),
        lambda: room.admit("p", "pat"),
    ):
        with pytest.raises(Refused, match="waiting"):
            act()
    assert events(room.leave("p"), "d") == ["user_left"]


def test_a_doctor_admits_all_connections_of_a_patient_and_remembers() -> None:
    room = Room()
    room.enter("d", "doc", "doctor", 100, waits=False)
    room.enter("p1", "pat", "patient", 101, waits=True)
    room.enter("p2", "pat", "patient", 102, waits=True)
    tellings = room.admit("d", "pat")
    assert events(tellings, "p1") == ["admitted", "presence_state", "presence_diff"]
    assert events(tellings, "d") == ["presence_diff", "user_joined", "presence_diff"]
    assert room.knows("pat")
    with pytest.raises(Refused, match="nobody of that name waits"):
        room.admit("d", "pat")


def test_a_patient_admits_nobody(room: Room) -> None:
    room.enter("q", "pat2", "patient", 103, waits=True)
    with pytest.raises(Refused, match="unauthorized"):
        room.admit("p", "pat2")


def test_a_signal_goes_to_the_addressed_peer_alone(room: Room) -> None:
    room.enter("x", "other", "doctor", 103, waits=False)
    sent = room.signal("d", "webrtc_offer", {"offer": "sdp", "to": "pat", "secret": 1})
    assert sent == [Telling(("p",), "webrtc_offer", {"offer": "sdp", "to": "pat", "from": "doc"})]
    with pytest.raises(Refused, match="to is missing"):
        room.signal("d", "webrtc_offer", {"offer": "sdp"})


def test_without_an_address_it_goes_to_the_other_one_of_two(room: Room) -> None:
    (sent,) = room.signal("p", "webrtc_ice_candidate", {"candidate": None})
    assert (sent.to, sent.payload["candidate"], sent.payload["from"]) == (("d",), None, "pat")


@pytest.mark.parametrize("to", ["doc", "nobody", 7, {}, ["pat"]])
def test_a_signal_to_nobody_who_is_there_is_refused(room: Room, to: Any) -> None:
    with pytest.raises(Refused, match="nobody of that name"):
        room.signal("d", "webrtc_offer", {"offer": 1, "to": to})


def test_chat_reaches_all(room: Room) -> None:
    (sent,) = room.chat("d", "Bonjour", "2026-01-01T00:00:00.000Z")
    assert sent.to == ("d", "p")
    assert sent.payload == {"from": "doc", "message": "Bonjour", "timestamp": "2026-01-01T00:00:00.000Z"}


@pytest.mark.parametrize("message", [None, "", " ", 7, "x" * 4001, {}])
def test_chat_is_text(room: Room, message: Any) -> None:
    with pytest.raises(Refused):
        room.chat("d", message, "now")


def test_media_are_told_to_the_others_and_to_who_comes_later(room: Room) -> None:
    (sent,) = room.media("p", {"video": False})
    assert sent == Telling(("d",), "media_state", {"user_id": "pat", "audio": True, "video": False})
    (state, *_) = room.enter("x", "other", "doctor", 103, waits=False)
    assert state.payload["pat"]["metas"][0]["video"] is False
    with pytest.raises(Refused):
        room.media("p", {"audio": 1})


def test_the_end_is_told_to_all(room: Room) -> None:
    assert room.end("p") == [Telling(("d", "p"), "call_ended", {"user_id": "pat", "role": "patient"})]


ACTS = st.tuples(st.sampled_from(("enter", "wait", "admit", "leave")), st.integers(0, 3), st.integers(0, 2))


@given(st.lists(ACTS, max_size=40))
def test_whatever_happens_every_client_knows_who_is_there(acts: list[tuple[str, int, int]]) -> None:
    """Each seat keeps presence as the client library does; it must end as what is there."""
    room, known, inside, waiting = Room(), {}, {}, {}  # type: ignore[var-annotated]
    room.enter("host", "host", "doctor", 0, waits=False)
    inside["host"], known["host"] = "host", {"host": {"host"}}
    for what, number, user in acts:
        seat, name = f"s{number}", f"u{user}"
        tellings: list[Telling] = []
        if what in ("enter", "wait") and seat not in inside and seat not in waiting:
            tellings = room.enter(seat, name, "patient", 0, waits=what == "wait")
            (inside if what == "enter" else waiting)[seat] = name
        elif what == "admit" and name in waiting.values():
            tellings = room.admit("host", name)
            for each in [each for each, its in waiting.items() if its == name]:
                inside[each] = waiting.pop(each)
        elif what == "leave":
            tellings = room.leave(seat)
            for kept in (inside, waiting, known):
                kept.pop(seat, None)
        for each in tellings:
            for listener in each.to:
                learn(known.setdefault(listener, {}), each)
        here: dict[str, set[str]] = {}
        for each, its in inside.items():
            here.setdefault(its, set()).add(each)
        assert {id: state for id, state in known.items() if id in inside} == dict.fromkeys(inside, here)


def learn(known: dict[str, set[str]], telling: Telling) -> None:
    """Do what the client's Presence does with `presence_state` and `presence_diff`."""
    if telling.event == "presence_state":
        known.clear()
        known.update({user: {meta["phx_ref"] for meta in its["metas"]} for user, its in telling.payload.items()})
    if telling.event == "presence_diff":
        for user, its in telling.payload["joins"].items():
            known.setdefault(user, set()).update(meta["phx_ref"] for meta in its["metas"])
        for user, its in telling.payload["leaves"].items():
            known[user] -= {meta["phx_ref"] for meta in its["metas"]}
            if not known[user]:
                del known[user]
