"""Search parameters of one's own over HTTP: indexed in the background, also when the server is killed meanwhile."""

from __future__ import annotations

import json
import random
import re
import signal
import time
from pathlib import Path
from typing import Any

import apsw
import httpx

from tests.fakes.brought import BROUGHT
from tests.fakes.command import Running, fhir_server
from tests.fakes.own_parameters import own, with_eyes

PATIENTS = 3000
KILLS = 3
BLUE = "/fhir/Patient?eye-colour=blue"
HEADERS = {"Content-Type": "application/fhir+json"}
ALONE = {"FHIR_SERVER_TELEMED_PROFILES": "false"}
"""So that there is no other job than that of the parameter: the server's own profiles bring parameters, too."""


def serve(folder: Path, **more: str) -> Running:
    store = f"sqlite:///{folder}/fhir.db"
    return Running(["serve", "--auth", "open", "--port", "0", "--store", store], folder, **more)


def fill(folder: Path, **more: str) -> None:
    """Load PATIENTS Patients, every second with blue eyes."""
    lines = (json.dumps(with_eyes(f"p{n}", "blue" if n % 2 else "green")) for n in range(PATIENTS))
    (folder / "Patient.ndjson").write_text("\n".join(lines), encoding="utf-8")
    done = fhir_server("load", "Patient.ndjson", "--store", f"sqlite:///{folder}/fhir.db", folder=folder, **more)
    assert done.returncode == 0, done.stderr


def put(server: Running, resource: dict[str, Any]) -> httpx.Response:
    path = f"/fhir/{resource['resourceType']}/{resource['id']}"
    return httpx.put(server.root + path, content=json.dumps(resource), headers=HEADERS)


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["issue"][0]["code"])


def wait_for(server: Running, path: str, *, but: tuple[int, str]) -> httpx.Response:
    """Ask until the answer is another one than the refusal `but`; until then it is never anything else."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        answer = httpx.get(server.root + path)
        if answer.status_code == 200:
            return answer
        assert (answer.status_code, code_of(answer)) == but
        time.sleep(0.02)
    raise AssertionError("it takes too long")


def job_of(server: Running) -> str:
    """Return the id of the job under way, as soon as there is one."""
    ends = time.monotonic() + 30
    while (answer := httpx.get(f"{server.root}/fhir/$reindex")).status_code == 404 and time.monotonic() < ends:
        time.sleep(0.01)
    return str(answer.json()["parameter"][0]["valueString"])


def count(server: Running, path: str) -> int:
    return int(httpx.get(f"{server.root}{path}&_summary=count").json()["total"])


def check(folder: Path) -> None:
    done = fhir_server("check", "--store", f"sqlite:///{folder}/fhir.db", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_indexing_goes_on_after_every_kill_and_never_answers_by_half(tmp_path: Path) -> None:
    chance = random.Random()
    fill(tmp_path, **ALONE)
    written = 0
    job = ""
    for number in range(KILLS):
        with serve(tmp_path, **ALONE) as server:
            if number == 0:
                assert put(server, own()).status_code == 201
            answer = httpx.get(server.root + BLUE)
            if answer.status_code == 200:
                break
            assert code_of(answer) == "incomplete"
            job = job or job_of(server)
            assert job_of(server) == job
            written += put(server, with_eyes(f"new{number}", "blue")).status_code == 201
            time.sleep(chance.uniform(0.0, 0.25))
            server.stop(signal.SIGKILL)
    with serve(tmp_path, **ALONE) as server:
        wait_for(server, BLUE, but=(400, "incomplete"))
        assert count(server, BLUE) == PATIENTS // 2 + written
        ended = httpx.get(f"{server.root}/fhir/$reindex?job={job}")
        assert ended.status_code == 200
        assert {"name": "status", "valueCode": "completed"} in ended.json()["parameter"]
    check(tmp_path)


def test_a_parameter_lives_as_long_as_its_resource(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        put(server, with_eyes("1", "blue"))
        assert code_of(httpx.get(server.root + BLUE)) == "not-supported"
        refused = put(server, own(code="gender"))
        assert (refused.status_code, code_of(refused)) == (422, "duplicate")
        assert put(server, own()).status_code == 201
        found = wait_for(server, BLUE, but=(400, "incomplete")).json()
        assert [each["resource"]["id"] for each in found["entry"]] == ["1"]
        statement = httpx.get(f"{server.root}/fhir/metadata").json()["rest"][0]
        (patient,) = [each for each in statement["resource"] if each["type"] == "Patient"]
        assert "eye-colour" in [each["name"] for each in patient["searchParam"]]
        assert "reindex" in [each["name"] for each in statement["operation"]]
    with serve(tmp_path) as server:
        assert count(server, BLUE) == 1
        assert httpx.delete(f"{server.root}/fhir/SearchParameter/eye").status_code == 204
        assert code_of(httpx.get(server.root + BLUE)) == "not-supported"
    check(tmp_path)


def test_a_load_that_brings_a_parameter_indexes_by_it_from_there_on(tmp_path: Path) -> None:
    pages = [("10.ndjson", "a"), ("30.ndjson", "b")]
    for name, mark in pages:
        lines = (json.dumps(with_eyes(f"{mark}{n}", "blue")) for n in range(PATIENTS))
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "20.json").write_text(json.dumps(own()), encoding="utf-8")
    where = ("--store", f"sqlite:///{tmp_path}/fhir.db")
    files = ("10.ndjson", "20.json", "30.ndjson")
    done = fhir_server("load", *files, "--jobs", "2", *where, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    with serve(tmp_path) as server:
        wait_for(server, BLUE, but=(400, "incomplete"))
        assert count(server, BLUE) == 2 * PATIENTS
    check(tmp_path)


def test_reindex_answers_by_the_asynchronous_pattern(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        put(server, with_eyes("1", "blue"))
        begun = httpx.post(f"{server.root}/fhir/$reindex")
        assert begun.status_code == 202
        place = begun.headers["Content-Location"]
        assert re.fullmatch(rf"{re.escape(server.root)}/fhir/\$reindex\?job=[0-9a-f-]+", place)
        ends = time.monotonic() + 30
        while (answer := httpx.get(place)).status_code == 202 and time.monotonic() < ends:
            assert answer.headers["X-Progress"]
        assert answer.status_code == 200
        assert answer.json()["resourceType"] == "Parameters"
        assert httpx.get(f"{server.root}/fhir/$reindex?job=none").status_code == 404
        assert httpx.get(f"{server.root}/fhir/Patient/$reindex").status_code == 404
        wrong = {"resourceType": "Parameters", "parameter": [{"name": "type", "valueCode": "Martian"}]}
        assert httpx.post(f"{server.root}/fhir/$reindex", content=json.dumps(wrong), headers=HEADERS).status_code == 400


def test_an_index_of_an_older_format_is_made_anew_by_the_server(tmp_path: Path) -> None:
    fill(tmp_path)
    age(tmp_path)
    with serve(tmp_path) as server:
        refused = httpx.get(f"{server.root}/fhir/Patient?_id=p1")
        assert (refused.status_code, code_of(refused)) == (503, "incomplete")
        assert int(refused.headers["Retry-After"]) > 0
        assert httpx.get(f"{server.root}/fhir/Patient/p1").status_code == 200
        assert put(server, with_eyes("new", "blue")).status_code == 201
        found = wait_for(server, "/fhir/Patient?_id=p1,new", but=(503, "incomplete"))
        assert len(found.json()["entry"]) == 2
    check(tmp_path)


def test_an_index_of_an_older_format_is_made_anew_from_the_shell(tmp_path: Path) -> None:
    fill(tmp_path)
    age(tmp_path)
    where = ("--store", f"sqlite:///{tmp_path}/fhir.db")
    done = fhir_server("reindex", *where, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Indexed: {PATIENTS + BROUGHT.total():,} resources of {1 + len(BROUGHT)} types." in done.stdout
    check(tmp_path)
    with serve(tmp_path) as server:
        assert httpx.get(f"{server.root}/fhir/Patient?_id=p1").status_code == 200
        refused = fhir_server("reindex", *where, folder=tmp_path)
        assert refused.returncode == 1
        assert "POST [base]/$reindex" in refused.stderr


def age(folder: Path) -> None:
    """Let the index of the store in `folder` be of the format before this one."""
    connection = apsw.Connection(f"{folder}/fhir.db")
    connection.execute("UPDATE meta SET value = value - 1 WHERE key = 'index_format'")
    connection.close()
