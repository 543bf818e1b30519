"""Medical records by their category: the one that is shown, to the letter, whoever wrote the record."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from tests.e2e.test_json_records import NOTE, in_care_of, written
from tests.fakes.practice import Person, Practice, open_practice


def test_a_category_is_found_by_all_of_it_and_nothing_else(tmp_path: Path) -> None:
    with open_practice(tmp_path) as clinic:
        _found(clinic, clinic.doctor("doc@clinic.example", "10101201234"))


def _found(clinic: Practice, doctor: Person) -> None:
    patient = in_care_of(clinic, doctor, "category@clinic.example")
    own = ["cardiologie", "Cardio", "Cardio pédiatrique", "cardio", "autre", "a,b|c", "  d e "]
    for each in own:
        written(doctor, patient, category=each)
    coding = {"system": "http://loinc.org", "code": "LP173421-1"}
    for other in ({"text": "Suivi"}, {"coding": [coding | {"display": "Report"}]}, {"coding": [coding]}):
        whose = {
            "subject": {"reference": f"Patient/{patient.id}"},
            "author": [{"display": "Dr X"}],
            "category": [other],
        }
        assert doctor.ask("POST", "/fhir/Composition", NOTE | whose).status_code == 201
    for each in (*own, "Suivi", "Report", "LP173421-1"):
        answer = doctor.ask("GET", "medical_records?" + urlencode({"patient_id": patient.id, "category": each}))
        assert [record["category"] for record in answer.json()["data"]] == [each]
