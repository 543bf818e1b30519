"""A socket outlives its token if the client brings another one in time, as npm's clients do it, and closes if not."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.e2e.realtime.conftest import Clinic, Person, clinic_in
from tests.fakes.authority import PASSWORD
from tests.fakes.node import run_script

BRIEF = 8
"""Seconds that a token counts which is to end while a test waits."""
MINUTE = 62


def seen_with(clinic: Clinic, **more: Any) -> dict[str, Any]:
    def named(person: Person) -> dict[str, str]:
        return {"email": person.email, "password": PASSWORD, "id": person.id}

    who = {"doctor": named(clinic.doctor), "patient": named(clinic.patient.again())}
    asked = {"root": clinic.root, "appointment": clinic.book(clinic.patient.again()), **who, **more}
    return run_script("expiring.mjs", asked)


@pytest.mark.external
def test_who_brings_a_new_token_stays_in_the_room_and_who_does_not_is_put_out_at_its_end(tmp_path: Path) -> None:
    settings = {"FHIR_SERVER_ACCESS_TOKEN_S": str(BRIEF), "FHIR_SERVER_ROOM_WAITS": "false"}
    with clinic_in(tmp_path, **settings) as clinic:
        seen = seen_with(clinic, renewals=1, closes=True)
    # A token of less than a minute is announced at once, and its follower when half of it is over.
    first, second = seen["warned"]
    assert 0 < first <= BRIEF
    assert 0 < second <= BRIEF / 2
    assert seen["renewed"] == [{"status": "ok", "response": {"expires_in": pytest.approx(BRIEF, abs=1)}}]
    assert (seen["said"], seen["heard"], seen["leftBefore"]) == ("ok", ["still here"], 0)
    assert (seen["closed"]["code"], seen["closed"]["reason"]) == (4401, "the token has expired")
    assert seen["closed"]["at"] > seen["ends"][1] > seen["ends"][0]
    older = seen["older"]
    assert (older["renewed"]["status"], len(older["warned"])) == ("ok", 2)
    assert older["closing"] == {"code": 4401, "reason": "the token has expired"}
    assert older["at"] > older["ends"][1] > older["ends"][0]


@pytest.mark.external
def test_the_notice_comes_a_minute_before_the_end(tmp_path: Path) -> None:
    settings = {"FHIR_SERVER_ACCESS_TOKEN_S": str(MINUTE), "FHIR_SERVER_ROOM_WAITS": "false"}
    with clinic_in(tmp_path, **settings) as clinic:
        seen = seen_with(clinic, renewals=1, closes=False)
    assert seen["early"] == []
    assert seen["warned"] == [pytest.approx(60, abs=1)]
    assert seen["renewed"][0]["status"] == "ok"


def test_a_socket_of_subscriptions_ends_with_its_token(tmp_path: Path) -> None:
    with clinic_in(tmp_path, FHIR_SERVER_ACCESS_TOKEN_S="4") as clinic:
        token = clinic.patient.again().token
        address = f"{clinic.root.replace('http', 'ws', 1)}/socket/subscriptions?token={token}"
        with connect(address) as connection, pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=20)
        assert time.time() > claims(token)["exp"]
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
