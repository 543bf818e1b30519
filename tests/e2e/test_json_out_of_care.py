"""Medical records that one may read and not change: what a refusal says, in the words of the view."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.test_json_notices import book
from tests.e2e.test_json_records import written
from tests.fakes.practice import open_practice


def test_who_may_only_read_a_record_is_told_why(tmp_path: Path) -> None:
    with open_practice(tmp_path) as clinic:
        patient, doctor = clinic.register("marie@clinic.example"), clinic.doctor("doc@clinic.example", "10101201234")
        assert book(patient, doctor, "2050-02-01").status_code == 201
        path = f"medical_records/{written(doctor, patient)['id']}"
        for reader, reason in ((patient, "Only doctors"), (doctor, "not in your care any more")):
            change = {"medical_record": {"nom": f"Marie, {reason}"}}
            for answer in (reader.ask("PUT", path, change), reader.ask("DELETE", path)):
                assert answer.status_code == 403
                assert reason in answer.json()["error"]["message"]
            assert reader.ask("GET", path).status_code == 200
            patient.ask("DELETE", "consents/telemedicine_usage")
