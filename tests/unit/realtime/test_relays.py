"""Credentials of TURN servers, against the test vectors of HMAC and what `openssl dgst -sha1 -hmac` says."""

from __future__ import annotations

import pytest

from realtime.relays import Relays, credential


@pytest.mark.parametrize(
    ("secret", "name", "expected"),
    [
        # RFC 2202, 3, case 2, in base64.
        ("Jefe", "what do ya want for nothing?", "7/zfauXrL6LSdBbV8YTfnCWafHk="),
        # printf %s NAME | openssl dgst -sha1 -hmac north -binary | base64
        ("north", "1767258000:11111111-2222-4333-8444-555555555555", "9QLCbhyp41z/KpnuPzPwvJ0kgrY="),
        ("north", "1767258000:p", "AeKakMbIu07GtxVbZn4MP1+9XR4="),
    ],
)
def test_a_credential_is_the_hmac_of_the_name(secret: str, name: str, expected: str) -> None:
    assert credential(secret, name) == expected


def test_servers_are_told_as_browsers_take_them() -> None:
    relays = Relays(["stun:s.example:3478"], ["turn:t.example:3478", "turns:t.example:5349"], "north", 600)
    assert relays.servers("p", 1_767_258_000 - 600) == [
        {"urls": ["stun:s.example:3478"]},
        {
            "urls": ["turn:t.example:3478", "turns:t.example:5349"],
            "username": "1767258000:p",
            "credential": "AeKakMbIu07GtxVbZn4MP1+9XR4=",
        },
    ]


def test_without_servers_there_are_none() -> None:
    assert Relays().servers("p", 0) == []
