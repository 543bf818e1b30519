"""Packages from outside: added, listed and removed by command, installed over HTTP, killed in the middle."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.brought import BROUGHT, OWN_GUIDE, others
from tests.fakes.command import Running, environment, fhir_server
from tests.fakes.packages import URL, colours, entries, guide, manifest, profile, tgz
from tests.fakes.shared import SHARED_DATA, needs_shared_data
from tests.fakes.telemed import BASE, plain

SERVE = ["serve", "--auth", "open", "--port", "0", "--store", "sqlite:///fhir.db"]
STORE = ("--store", "sqlite:///fhir.db")
MANY = 300


def test_a_package_comes_and_goes_by_command(tmp_path: Path) -> None:
    (tmp_path / "guide.tgz").write_bytes(tgz(entries(guide(), profile(baseDefinition=f"{URL}/absent"))))
    refused = fhir_server("package", "add", "guide.tgz", "--strict", *STORE, folder=tmp_path)
    assert refused.returncode == 1
    assert f"{URL}/absent" in refused.stderr
    added = fhir_server("package", "add", "guide.tgz", *STORE, folder=tmp_path)
    assert added.returncode == 0, added.stderr
    assert "Installed org.example.guide#1.0.0" in added.stdout
    assert f"{URL}/absent" in added.stdout
    assert "Already installed" in fhir_server("package", "add", "guide.tgz", *STORE, folder=tmp_path).stdout
    assert "org.example.guide#1.0.0" in fhir_server("package", "list", *STORE, folder=tmp_path).stdout
    removed = fhir_server("package", "remove", "org.example.guide", *STORE, folder=tmp_path)
    assert removed.stdout == "Removed org.example.guide#1.0.0: 2 definitions.\n"
    again = fhir_server("package", "remove", "org.example.guide", *STORE, folder=tmp_path)
    assert again.returncode == 1
    assert "is not installed" in again.stderr


def test_examples_come_by_command_and_over_http_where_they_are_asked_for(tmp_path: Path) -> None:
    anna = ("package/example/anna.json", b'{"resourceType": "Patient", "id": "anna"}')
    (tmp_path / "guide.tgz").write_bytes(tgz([*entries(guide()), anna]))
    assert "1 examples left out" in fhir_server("package", "add", "guide.tgz", *STORE, folder=tmp_path).stdout
    added = fhir_server("package", "add", "guide.tgz", "--examples", *STORE, folder=tmp_path)
    assert "1 examples\n" in added.stdout
    removed = fhir_server("package", "remove", "org.example.guide", *STORE, folder=tmp_path)
    assert removed.stdout == "Removed org.example.guide#1.0.0: 1 definitions.\n  With them 1 examples.\n"
    with Running(SERVE, tmp_path) as server, httpx.Client(base_url=f"{server.root}/fhir") as http:
        assert http.get("/Patient/anna").status_code == 410
        data = (tmp_path / "guide.tgz").read_bytes()
        for query, status in (("maybe", 400), ("false", 200), ("true", 200)):
            body = {"content": data, "headers": {"Content-Type": "application/gzip"}}
            answer = http.post("/$install-package", params={"examples": query}, **body)  # type: ignore[arg-type]
            assert answer.status_code == status
            assert http.get("/Patient/anna").status_code == (200 if query == "true" else 410)
        assert "1 examples of the package are in." in answer.text
        packed = {"name": "package", "valueBase64Binary": base64.b64encode(data).decode()}
        parameters = {"resourceType": "Parameters", "parameter": [packed, {"name": "examples", "valueBoolean": True}]}
        assert "1 examples of the package are in." in http.post("/$install-package", json=parameters).text


def test_a_bad_package_is_refused_by_name_and_the_others_go_in(tmp_path: Path) -> None:
    (tmp_path / "bad.tgz").write_bytes(tgz([*entries(), ("../evil.json", b"{}")]))
    (tmp_path / "good.tgz").write_bytes(tgz(entries(guide())))
    added = fhir_server("package", "add", "bad.tgz", "good.tgz", *STORE, folder=tmp_path)
    assert added.returncode == 1
    assert added.stderr.startswith("bad.tgz: The entry ../evil.json leads out of the package")
    assert "Installed org.example.guide#1.0.0" in added.stdout


def test_a_running_server_installs_without_a_restart(tmp_path: Path) -> None:
    members = {"code:in": f"{URL}/ValueSet/warm"}
    observation = {"resourceType": "Observation", "status": "final"}
    observation |= {"code": {"coding": [{"system": "http://example.org/colours", "code": "red"}]}}  # type: ignore[dict-item]
    with Running(SERVE, tmp_path) as server, httpx.Client(base_url=f"{server.root}/fhir") as http:
        assert http.post("/Observation", json=observation).status_code == 201
        data = tgz(entries(guide(), colours("warm", "red")))
        answer = http.post("/$install-package", content=data, headers={"Content-Type": "application/gzip"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["issue"][0]["severity"] == "information"
        assert len(http.get("/Observation", params=members).json()["entry"]) == 1
        assert http.get("/metadata").json()["implementationGuide"] == [
            OWN_GUIDE,
            f"{URL}/ImplementationGuide/guide|1.0.0",
        ]
        other = tgz(entries(profile(), about=manifest(name="org.other")))
        packed = {"name": "package", "valueBase64Binary": base64.b64encode(other).decode()}
        parameters = {"resourceType": "Parameters", "parameter": [packed]}
        assert http.post("/$install-package", json=parameters).status_code == 200
        held = fhir_server("package", "list", *STORE, folder=tmp_path)
        assert held.returncode == 1
        assert "$install-package" in held.stderr


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server that has no package and gets none."""
    folder = tmp_path_factory.mktemp("without")
    with Running(SERVE, folder) as server, httpx.Client(base_url=f"{server.root}/fhir") as http:
        yield http


@pytest.mark.parametrize(
    ("content", "type", "status", "says"),
    [
        (b"no gzip", "application/gzip", 422, "no readable .tgz"),
        (b'{"resourceType":"Patient"}', "application/fhir+json", 400, "Parameters"),
        (b"", "application/fhir+json", 400, "needs a package"),
        (tgz(entries(about=manifest(fhirVersions=["5.0.0"]))), "application/gzip", 422, "R5"),
        (tgz(entries(colours("a", "x"), colours("a", "y"))), "application/gzip", 422, "contradict"),
    ],
)
def test_what_is_no_package_is_refused_and_the_server_goes_on(
    without: httpx.Client, content: bytes, type: str, status: int, says: str
) -> None:
    answer = without.post("/$install-package", content=content, headers={"Content-Type": type})
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")
    assert says in answer.json()["issue"][0]["diagnostics"]
    assert others(each["resource"] for each in without.get("/ValueSet").json()["entry"]) == []


@pytest.mark.parametrize("after", [0.6, 1.0, 1.4, 1.8, 2.4])
def test_a_kill_leaves_a_package_in_or_out_and_the_same_command_finishes(tmp_path: Path, after: float) -> None:
    codes = [f"code-{number}" for number in range(40)]
    (tmp_path / "big.tgz").write_bytes(tgz(entries(*(colours(f"set-{n}", *codes) for n in range(MANY)))))
    command = [sys.executable, "-m", "fhir_server.cli", "package", "add", "big.tgz", *STORE]
    here = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(PYTHONPATH=here), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    with Running(SERVE, tmp_path) as server:
        total = httpx.get(f"{server.root}/fhir/ValueSet", params={"_summary": "count"}).json()["total"]
    total -= BROUGHT["ValueSet"]
    assert total in (0, MANY)
    listed = fhir_server("package", "list", *STORE, folder=tmp_path).stdout
    assert ("org.example.guide#1.0.0" in listed) == (total == MANY)
    added = fhir_server("package", "add", "big.tgz", *STORE, folder=tmp_path)
    assert added.returncode == 0, added.stderr
    assert str(MANY) in fhir_server("package", "list", *STORE, folder=tmp_path).stdout
    checked = fhir_server("check", *STORE, folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_shared_data
def test_fr_core_goes_in_with_the_warnings_that_it_deserves(tmp_path: Path) -> None:
    path = str(SHARED_DATA / "french" / "packages" / "hl7.fhir.fr.core-2.2.0.tgz")
    added = fhir_server("package", "add", path, *STORE, folder=tmp_path)
    assert added.returncode == 0, added.stderr
    assert "64 StructureDefinition" in added.stdout
    for label in ("hl7.terminology.r4#7.1.0", "hl7.fhir.uv.extensions.r4#5.2.0", "ans.fr.terminologies#1.7.0"):
        assert label in added.stdout
    with Running(SERVE, tmp_path) as server:
        statement = httpx.get(f"{server.root}/fhir/metadata").json()
        patient = next(each for each in statement["rest"][0]["resource"] if each["type"] == "Patient")
        url = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient"
        assert f"{url}|2.2.0" in patient["supportedProfile"]
        assert len(httpx.get(f"{server.root}/fhir/StructureDefinition", params={"url": url}).json()["entry"]) == 1
        encounter = next(each for each in statement["rest"][0]["resource"] if each["type"] == "Encounter")
        ours = f"{BASE}/StructureDefinition/telemed-fr-encounter"
        assert f"{ours}|0.1.0" in encounter["supportedProfile"]
        asked = httpx.post(f"{server.root}/fhir/Encounter/$validate?profile={ours}", json=plain("encounter-france"))
        assert {each["severity"] for each in asked.json()["issue"]} == {"information", "warning"}
    assert json.dumps(statement["implementationGuide"]).count("hl7.fhir.fr.core") == 1
