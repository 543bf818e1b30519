"""npm's `socket.io-client`, as older applications use it, beside a phoenix client in the same room."""

from __future__ import annotations

import pytest

from tests.e2e.realtime.conftest import Clinic
from tests.fakes.node import run_script


@pytest.mark.external
def test_a_consultation_with_the_client_of_socket_io(clinic: Clinic) -> None:
    id, doctor, patient = clinic.book(), clinic.doctor.id, clinic.patient.id
    topic = f"consultation:{id}"
    ticket = clinic.patient.ask("POST", "/api/v1/socket/ticket")["data"]["ticket"]
    tokens = {"doctor": clinic.doctor.token, "patient": clinic.patient.token, "again": clinic.patient.again().token}
    tokens |= {"other": clinic.register("patient").token, "ticket": ticket}
    more = {"appointment": id, "foreign": "https://elsewhere.example"}
    seen = run_script("socket_io.mjs", {"root": clinic.root, **tokens, **more})

    assert (seen["refused"], seen["foreign"]) == (401, 400)
    assert "401" in seen["refusedByWebSocket"]
    assert seen["joined"]["topic"] == topic
    assert seen["joined"]["response"] == {"user_id": patient, "role": "patient", "waiting": True, "chat_kept": False}
    assert (seen["early"]["status"], seen["early"]["response"]) == ("error", {"reason": "waiting"})
    assert seen["admitted"] == {"user_id": patient}
    assert seen["present"] == sorted((doctor, patient))
    assert (seen["transport"], seen["extensions"]) == ("websocket", "")
    assert [event for event, _ in seen["heard"]] == [
        *("webrtc_offer", "webrtc_answer", "webrtc_ice_candidate", "chat_message", "media_state"),
    ]
    offer, answer, candidate, chat, media = [payload for _, payload in seen["heard"]]
    assert offer == {"offer": {"type": "offer", "sdp": "v=0"}, "to": doctor, "from": patient}
    assert (answer["from"], candidate["candidate"]) == (patient, {"candidate": "a"})
    assert (chat["from"], chat["message"]) == (patient, "Bonjour")
    assert media == {"user_id": patient, "audio": False, "video": True}
    assert seen["ack"]["response"] == {"reason": "message must be text of at most 4000 characters"}
    assert seen["nonsense"]["status"] == "error"
    assert seen["offer"] == {"offer": "x", "to": patient, "from": doctor}
    assert seen["media"] == {"user_id": doctor, "audio": True, "video": False}
    assert seen["chat"]["message"] == "Bonsoir"
    assert seen["ordered"] is True
    assert (seen["renewed"]["status"], seen["notRenewed"]["status"], seen["beat"]["status"]) == ("ok", "error", "ok")
    assert seen["again"]["response"]["waiting"] is False
    assert (seen["ticket"], seen["ticketAgain"]) == ("ok", 401)
    assert seen["bytes"] in ("io server disconnect", "transport close")
    assert seen["ended"] == {"user_id": patient, "role": "patient"}
    assert seen["left"]["status"] == "ok"
    assert seen["flood"] == [1008, "io server disconnect", True]
    assert seen["signedOut"] == [4401, "io server disconnect", True]
    assert clinic.encounter(id)["status"] == "finished"
    log = clinic.log.read_text()
    assert [name for name, token in tokens.items() if token in log] == []
    assert "Traceback" not in log
    assert "token=" not in log
