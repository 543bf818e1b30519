"""The channel protocol, against what phoenix's own server does, and against frames that nobody should send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.phoenix import (
    BadFrame,
    Conversation,
    Frame,
    Join,
    Left,
    Said,
    Send,
    Version,
    decode,
    encode,
    reply,
    version_of,
)

TOPICS = ("a:1", "b:2", "phoenix")
EVENTS = ("phx_join", "phx_leave", "heartbeat", "shout")
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner))


def frame(topic: str, event: str, ref: str = "1", join_ref: str | None = None, **payload: Any) -> Frame:
    return Frame(join_ref, ref, topic, event, payload)


def joined(topic: str = "a:1", ref: str = "1") -> Conversation:
    talk = Conversation()
    talk.joined(frame(topic, "phx_join", ref, ref))
    return talk


@pytest.mark.parametrize(
    ("vsn", "version"),
    [(None, "1.0.0"), ("", "1.0.0"), ("1.0.0", "1.0.0"), ("2.0.0", "2.0.0"), ("2.1.0", None), ("3", None)],
)
def test_versions(vsn: str | None, version: str | None) -> None:
    assert version_of(vsn) == version


def test_a_frame_of_version_2_is_an_array_and_of_version_1_an_object() -> None:
    said = Frame("1", "2", "a:1", "shout", {"x": "é"})
    assert json.loads(encode(said, "2.0.0")) == ["1", "2", "a:1", "shout", {"x": "é"}]
    assert json.loads(encode(said, "1.0.0")) == {"topic": "a:1", "event": "shout", "payload": {"x": "é"}, "ref": "2"}
    assert decode(encode(said, "2.0.0"), "2.0.0") == said
    assert decode(encode(said, "1.0.0"), "1.0.0") == Frame(None, "2", "a:1", "shout", {"x": "é"})


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "[]", "[1,2,3,4]", "[null,null,null,null,null]", "[" * 5000, '[null,"1","","e",{}]'),
        *('[true,"1","t","e",{}]', '[[],"1","t","e",{}]', '[null,"1","t","phx_reply",{}]', '[null,"1","t","e",7]'),
        *('[null,"1","t","e",NaN]', '[null,"1","\\ud800","e",{}]', f'[null,"{"1" * 65}","t","e",{{}}]', "{}"),
    ],
)
def test_what_is_no_frame_is_told_from_one(text: str) -> None:
    for version in ("1.0.0", "2.0.0"):
        with pytest.raises(BadFrame):
            decode(text, version)  # type: ignore[arg-type]


@given(st.text() | JSON.map(json.dumps) | st.lists(JSON, min_size=5, max_size=5).map(json.dumps))
def test_whatever_comes_is_a_frame_or_a_bad_one(text: str) -> None:
    versions: tuple[Version, ...] = ("1.0.0", "2.0.0")
    for version in versions:
        try:
            found = decode(text, version)
        except BadFrame:
            continue
        assert Conversation().receive(found)


def test_hearts_beat() -> None:
    beat = frame("phoenix", "heartbeat", "9")
    assert Conversation().receive(beat) == (Send(reply(beat, "ok", {})),)


def test_joining_again_closes_the_first_join() -> None:
    talk = joined(ref="1")
    again = frame("a:1", "phx_join", "5", "5")
    assert talk.receive(again) == (Left("a:1"), Send(Frame("1", "1", "a:1", "phx_close", {})), Join(again))


def test_leaving_is_answered_and_then_closed() -> None:
    leave = frame("a:1", "phx_leave", "3", "1")
    closed = Frame("1", "1", "a:1", "phx_close", {})
    assert joined().receive(leave) == (Left("a:1"), Send(reply(leave, "ok", {})), Send(closed))


def test_leaving_what_was_not_joined_is_answered_too() -> None:
    leave = frame("a:1", "phx_leave", "3", "1")
    assert Conversation().receive(leave) == (Send(reply(leave, "ok", {})),)


def test_messages_of_an_earlier_join_are_not_heard() -> None:
    talk = joined(ref="4")
    late = frame("a:1", "shout", "5", "1")
    assert talk.receive(late) == (Send(reply(late, "error", {"reason": "unmatched topic"})),)
    assert talk.receive(frame("a:1", "phx_leave", "6", "1"))[0] == Send(
        reply(frame("a:1", "phx_leave", "6", "1"), "ok", {})
    )
    assert talk.topics == ("a:1",)


def test_a_push_carries_the_ref_of_the_join_and_goes_to_who_has_joined() -> None:
    talk = joined(ref="7")
    assert talk.push("a:1", "news", {}) == Frame("7", None, "a:1", "news", {})
    assert talk.push("b:2", "news", {}) is None
    assert talk.close("a:1", "phx_error") == Frame("7", "7", "a:1", "phx_error", {})
    assert talk.push("a:1", "news", {}) is None
    assert talk.close("a:1") is None


def test_a_socket_joins_so_many_topics_only() -> None:
    talk = Conversation(most=1)
    talk.joined(frame("a:1", "phx_join"))
    other = frame("b:2", "phx_join")
    assert talk.receive(other) == (Send(reply(other, "error", {"reason": "too many topics"})),)


@given(st.lists(st.tuples(st.sampled_from(TOPICS), st.sampled_from(EVENTS), st.booleans()), max_size=40))
def test_every_message_has_one_answer_and_topics_are_what_was_joined(said: list[tuple[str, str, bool]]) -> None:
    talk = Conversation()
    refs: dict[str, str] = {}
    for number, (topic, event, allowed) in enumerate(said):
        ref = str(number)
        sent = Frame(ref if event == "phx_join" else refs.get(topic), ref, topic, event, {})
        answers = []
        for step in talk.receive(sent):
            match step:
                case Send(frame=out):
                    answers += [out] if out.event == "phx_reply" else []
                case Join(frame=asked):
                    refs.pop(topic, None)
                    answers.append(talk.joined(asked) if allowed else talk.refused(asked, {}))
                    refs |= {topic: ref} if allowed else {}
                case Left(topic=left):
                    refs.pop(left, None)
                case Said(frame=told):
                    assert told.topic in refs or told.topic == "phoenix"
                    answers.append(reply(told, "ok", {}))
        assert [answer.ref for answer in answers] == [ref]
        assert set(talk.topics) == set(refs)
