"""`fhir-server validate` from outside: places, formats, packages, exit codes."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.command import Running, fhir_server
from tests.fakes.packages import URL, entries, guide, profile, tgz
from tests.fakes.shared import SHARED_DATA, needs_shared_data
from tests.fakes.telemed import BASE, plain

OURS = f"{URL}/StructureDefinition/our-patient"
ELEMENTS = [{"id": "Patient", "path": "Patient"}, {"id": "Patient.name", "path": "Patient.name", "min": 1}]
FRANCE = SHARED_DATA / "french" / "packages" / "hl7.fhir.fr.core-2.2.0.tgz"
FR_PATIENT = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient"


def test_files_of_every_kind_are_validated_with_line_and_column(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.json").write_text('{\n  "resourceType": "Patient",\n  "gender": "F"\n}')
    (folder / "b.ndjson.gz").write_bytes(gzip.compress(b'{"resourceType":"Patient"}\n{"resourceType":"Martian"}\n'))
    (folder / "c.xml").write_text('<Patient xmlns="http://hl7.org/fhir">\n<gender value="F"/></Patient>')
    (folder / "left.txt").write_text("no FHIR")
    asked = fhir_server("validate", "in", folder=tmp_path)
    assert asked.returncode == 1
    shown = [line.split() for line in asked.stdout.splitlines()]
    assert ["3:3", "error", "Patient.gender"] in shown
    assert ["2:1", "error", "Resource"] in shown
    assert ["2", "error", "Patient.gender"] in shown
    assert asked.stdout.splitlines()[-1] == "3 files, 4 resources: 3 errors, 0 warnings, 1 information."
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in"]


def test_what_is_right_is_left_with_zero(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"resourceType": "Patient"}')
    asked = fhir_server("validate", "a.json", folder=tmp_path)
    assert (asked.returncode, asked.stdout) == (0, "1 file, 1 resource: 0 errors, 0 warnings, 0 information.\n")


def test_profiles_come_from_packages_and_speak_in_json(tmp_path: Path) -> None:
    (tmp_path / "g.tgz").write_bytes(tgz(entries(guide(), profile(differential={"element": ELEMENTS}))))
    (tmp_path / "a.json").write_text('{"resourceType": "Patient"}')
    words = ("validate", "a.json", "--package", "g.tgz", "--profile", OURS, "--format", "json")
    asked = fhir_server(*words, folder=tmp_path)
    assert asked.returncode == 1, asked.stderr
    (issue,) = json.loads(asked.stdout)["entry"][0]["resource"]["issue"]
    assert (issue["expression"], issue["details"]["text"]) == (["Patient.name"], "Patient.name")
    assert issue["extension"][0]["valueUri"] == f"{OURS}|1.0.0"


def test_our_own_profiles_need_no_package(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(json.dumps(plain("consent")))
    profile = f"{BASE}/StructureDefinition/telemed-consent"
    assert fhir_server("validate", "good.json", "--profile", profile, folder=tmp_path).returncode == 0
    bad = plain("consent")
    del bad["performer"], bad["meta"]
    (tmp_path / "bad.json").write_text(json.dumps(bad))
    asked = fhir_server("validate", "bad.json", "--profile", profile, folder=tmp_path)
    assert asked.returncode == 1
    assert "Consent.performer" in asked.stdout


def test_a_wrong_command_line_is_two(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "bad.tgz").write_text("no package")
    for words, sentence in (
        ("none.json", "none.json does not exist"),
        ("a.json --profile http://example.org/none", "name its package with --package"),
        ("a.json --package none.tgz", "There is no package at none.tgz"),
        ("a.json --package bad.tgz", "bad.tgz: "),
        ("a.json --format yaml", "--format is text or json"),
    ):
        asked = fhir_server("validate", *words.split(), folder=tmp_path)
        assert (asked.returncode, asked.stdout) == (2, ""), words
        assert sentence in asked.stderr


def examples() -> list[dict[str, Any]]:
    found = []
    with tarfile.open(FRANCE) as package:
        for member in package.getmembers():
            if "/example/" in member.name and member.name.endswith(".json"):
                file = package.extractfile(member)
                assert file is not None
                found.append(json.load(file))
    return [each for each in found if "resourceType" in each]


@needs_shared_data
def test_the_examples_of_fr_core_conform_and_a_broken_ins_does_not(tmp_path: Path) -> None:
    store = ("--store", "sqlite:///fhir.db")
    assert fhir_server("package", "add", str(FRANCE), *store, folder=tmp_path).returncode == 0
    with (
        Running(["serve", "--auth", "open", "--port", "0", *store], tmp_path) as server,
        httpx.Client(base_url=f"{server.root}/fhir/", headers={"Content-Type": "application/fhir+json"}) as http,
    ):

        def errors(resource: dict[str, Any]) -> list[dict[str, Any]]:
            asked = {"profile": FR_PATIENT} if resource["resourceType"] == "Patient" else {}
            answer = http.post(f"{resource['resourceType']}/$validate", params=asked, json=resource)
            return [each for each in answer.json()["issue"] if each["severity"] == "error"]

        published = examples()
        assert len(published) > 20
        assert [errors(each) for each in published] == [[] for _ in published]
        (patient,) = (each for each in published if each["resourceType"] == "Patient")
        del patient["identifier"][0]["value"]
        (issue,) = errors(patient)
        assert issue["details"]["text"] == "Patient.identifier:INS-NIR.value"
        assert issue["expression"] == ["Patient.identifier[0].value"]
