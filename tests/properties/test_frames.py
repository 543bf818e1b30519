"""Whatever comes as a frame is understood or refused as such, and what was understood can be sent on."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from realtime.phoenix import BadFrame, Conversation, Send, Version, decode, encode, reply, version_of

LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner))
REF = st.one_of(st.none(), st.text(max_size=80), st.integers(), VALUE)
EVENT = st.sampled_from(("phx_join", "phx_leave", "phx_close", "phx_reply", "heartbeat", "chat_message")) | VALUE
TOPIC = st.sampled_from(("phoenix", "consultation:1", "a:b", "")) | VALUE
PAYLOAD = st.dictionaries(st.text(max_size=8), VALUE) | VALUE
ARRAY = st.tuples(REF, REF, TOPIC, EVENT, PAYLOAD).map(json.dumps)
NAMES = st.sampled_from(("topic", "event", "payload", "ref", "join_ref"))
OBJECT = st.fixed_dictionaries({"topic": TOPIC, "event": EVENT, "payload": PAYLOAD, "ref": REF}).map(json.dumps)
TEXT = st.one_of(ARRAY, OBJECT, VALUE.map(json.dumps), st.dictionaries(NAMES, VALUE).map(json.dumps), st.text())
BROKEN = st.tuples(TEXT, st.integers(0, 200)).map(lambda it: it[0][: it[1]])


@given(st.one_of(TEXT, BROKEN), st.sampled_from(("1.0.0", "2.0.0")))
@example('["1","1","a:b","x",' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "]", "2.0.0")
@example("[" * 60_000, "2.0.0")
@example('["1","1","a:b","x",{"a":"\\ud800"}]', "2.0.0")
@example('["1","1","a\\ud800","x",{}]', "2.0.0")
@example('["1","1","a:b","x",{"n":1e999}]', "2.0.0")
@example('["1","1","a:b","x",{"n":' + "9" * 5_000 + "}]", "2.0.0")
@example('["1",' + "9" * 5_000 + ',"a:b","x",{}]', "2.0.0")
def test_a_frame_is_understood_or_refused(text: str, version: Version) -> None:
    try:
        frame = decode(text, version)
    except BadFrame:
        return
    talk = Conversation()
    for step in talk.receive(frame):
        if isinstance(step, Send):
            assert decode_any(encode(step.frame, version))
    assert decode_any(encode(reply(frame, "ok", frame.payload), version))
    frame = talk.joined(frame)
    assert decode_any(encode(frame, version))


def decode_any(text: str) -> Any:
    return json.loads(text.encode("utf-8"))


@given(st.none() | st.text())
def test_any_version_is_one_of_two_or_none(asked: str | None) -> None:
    assert version_of(asked) in ("1.0.0", "2.0.0", None)
