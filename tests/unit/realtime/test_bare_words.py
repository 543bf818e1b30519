"""Bare events of older clients as frames, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.bare_words import BareWords, Told
from realtime.phoenix import BadFrame, decode

ROOM = "consultation:42"


def said(words: BareWords, event: str, payload: Any = None) -> list[Any]:
    found: list[Any] = json.loads(words.frame(event, payload)[1])
    return found


def told(words: BareWords, *frame: Any) -> Told | None:
    return words.told(json.dumps(frame))


def test_a_join_names_its_topic_and_what_is_said_then_goes_there() -> None:
    words = BareWords()
    assert said(words, "phx_join", {"topic": ROOM, "payload": {"a": 1}}) == ["1", "1", ROOM, "phx_join", {"a": 1}]
    assert said(words, "chat_message", {"message": "x"}) == ["1", "2", ROOM, "chat_message", {"message": "x"}]
    said(words, "phx_join", {"topic": "notifications:p"})
    assert said(words, "end_call") == ["1", "4", ROOM, "end_call", {}]
    assert said(words, "unread") == ["3", "5", "notifications:p", "unread", {}]
    assert said(words, "phx_leave", {"topic": ROOM})[:4] == ["1", "6", ROOM, "phx_leave"]
    assert said(words, "access_token", {"token": "t"}) == [None, "7", "phoenix", "access_token", {"token": "t"}]


def test_of_two_rooms_the_one_joined_last_is_meant_unless_one_is_named() -> None:
    words = BareWords()
    for topic in (ROOM, "consultation:43", ROOM):
        said(words, "phx_join", {"topic": topic})
    assert said(words, "end_call")[2] == ROOM
    assert said(words, "end_call", {"topic": "consultation:43"})[:3] == ["2", "5", "consultation:43"]


def test_what_is_said_in_no_room_goes_nowhere() -> None:
    assert said(BareWords(), "end_call")[:3] == [None, "1", "consultation"]


@pytest.mark.parametrize(
    ("event", "payload"), [("phx_join", None), ("phx_join", {"topic": 1}), ("x", 7), ("x", [1]), ("x", {"a": object()})]
)
def test_what_cannot_be_a_frame_is_refused(event: str, payload: Any) -> None:
    with pytest.raises(BadFrame):
        BareWords().frame(event, payload)


def test_answers_are_told_with_what_they_answer_and_events_bare() -> None:
    words = BareWords()
    said(words, "phx_join", {"topic": ROOM})
    ok = {"status": "ok", "response": {"waiting": False}}
    assert told(words, "1", "1", ROOM, "phx_reply", ok) == Told(
        "phx_reply", {"topic": ROOM, "event": "phx_join", **ok}, "1"
    )
    assert told(words, "1", None, ROOM, "webrtc_offer", {"offer": 1}) == Told("webrtc_offer", {"offer": 1})
    said(words, "media_toggle", {})
    ok = {"status": "ok", "response": {}}
    answer = {"topic": ROOM, "event": "media_toggle", **ok}
    assert told(words, "1", "2", ROOM, "phx_reply", ok) == Told(None, answer, "2")
    assert told(words, None, None, "phoenix", "phx_reply", ok) is None


def test_a_room_that_is_closed_is_told_by_its_topic_and_left() -> None:
    words = BareWords()
    said(words, "phx_join", {"topic": ROOM})
    assert told(words, "1", "1", ROOM, "phx_close", {}) == Told("phx_close", {"topic": ROOM})
    assert said(words, "end_call")[2] == "consultation"


def test_joining_again_is_not_taken_for_leaving() -> None:
    words = BareWords()
    said(words, "phx_join", {"topic": ROOM})
    said(words, "phx_join", {"topic": ROOM})
    assert told(words, "1", "1", ROOM, "phx_close", {}) is None
    assert said(words, "end_call")[:3] == ["2", "3", ROOM]


@given(
    st.text(max_size=20),
    st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.integers() | st.text(), st.lists), max_size=4),
)
def test_whatever_is_said_is_a_frame_or_refused(event: str, payload: dict[str, Any]) -> None:
    try:
        _, text = BareWords().frame(event, payload)
    except BadFrame:
        return
    assert isinstance(json.loads(text), list)
    try:
        assert decode(text, "2.0.0").event == event
    except BadFrame:
        assert event in ("", "phx_reply", "phx_close", "phx_error") or "topic" in payload or len(text) > 100
