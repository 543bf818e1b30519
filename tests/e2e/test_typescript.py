"""The types that a front end compiles against are those of the server of now, and a client that uses them works."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.practice import Practice, open_practice
from tests.fakes.typescript import TYPES, compile_examples, types_of

pytestmark = pytest.mark.external


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    folder = tmp_path_factory.mktemp("typed")
    with open_practice(folder, log=folder / "log") as opened:
        yield opened


def test_the_types_are_those_of_the_document(clinic: Practice, tmp_path: Path) -> None:
    made = types_of(clinic.http.get("/openapi.json").json(), tmp_path)
    assert TYPES.read_text(encoding="utf-8") == made, "the API has changed: make types writes them anew"


def test_a_client_compiles_and_what_the_server_would_refuse_does_not() -> None:
    # Lines that must not compile are marked in visit.ts: one that did would be an error here.
    assert compile_examples() == ""


def test_the_client_works(clinic: Practice, tmp_path: Path) -> None:
    doctor, patient = clinic.doctor("doc@clinic.example", "10101201234"), clinic.register("a@clinic.example")
    times = {"starts_at": "2050-01-03T09:00:00Z", "ends_at": "2050-01-03T09:30:00Z"}
    asked = {"appointment": {"doctor_id": doctor.id, "kind": "office", **times}}
    assert patient.ask("POST", "appointments", asked).status_code == 201
    assert compile_examples(tmp_path) == ""
    (tmp_path / "package.json").write_text('{"type": "module"}')
    command = ["node", "visit.js", str(clinic.http.base_url).rstrip("/"), "doc@clinic.example", PASSWORD, patient.id]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"plan": "Holter.", "total": 1, "refused": ["soap.plan"]}
