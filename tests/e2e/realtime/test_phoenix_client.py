"""npm's `phoenix`, as applications use it: joins, refusals, presence, messages, and coming back after a break."""

from __future__ import annotations

import pytest

from tests.e2e.realtime.conftest import Clinic
from tests.fakes.node import run_script


@pytest.mark.external
def test_a_consultation_with_the_client_of_phoenix(clinic: Clinic) -> None:
    id, doctor, patient = clinic.book(), clinic.doctor.id, clinic.patient.id
    who = {"doctor": clinic.doctor.token, "patient": clinic.patient.token, "stranger": clinic.register("patient").token}
    ids = {"appointment": id, "doctorId": doctor, "patientId": patient}
    seen = run_script("phoenix.mjs", {"root": clinic.root, **who, **ids})
    both = sorted((doctor, patient))
    assert seen["refused"] == {"reason": "unauthorized"}
    assert (seen["doctor"]["waiting"], seen["patient"]["waiting"]) == (False, True)
    assert seen["waiting"] == {"user_id": patient, "role": "patient"}
    assert (seen["admitting"], seen["present"], seen["again"], seen["alone"]) == ("ok", both, both, [doctor])
    assert seen["offer"] == {"offer": {"type": "offer", "sdp": "v=0"}, "to": patient, "from": doctor}
    assert seen["answer"]["from"] == patient
    assert (seen["chat"]["from"], seen["chat"]["message"]) == (patient, "Bonjour")
    assert (seen["left"]["user_id"], seen["back"]["user_id"]) == (patient, patient)
    assert seen["media"] == {"user_id": doctor, "audio": False, "video": True}
    assert seen["bell"] == {"unread": 0, "missed": []}
    assert (seen["ended"]["user_id"], seen["leaving"], seen["version1"]) == (doctor, "ok", "ok")
    assert clinic.encounter(id)["status"] == "finished"
    assert clinic.patient.token not in clinic.log.read_text()
