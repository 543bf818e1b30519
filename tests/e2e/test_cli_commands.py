"""The command line from outside: help, refusals, exit codes, and a server that comes and goes."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
from pathlib import Path

import httpx
import pytest

from tests.fakes.command import Running, fhir_server


def test_the_demo_with_accounts_prints_them_and_lets_them_in(tmp_path: Path) -> None:
    with Running(["demo", "--port", "0", "--temporary", "--auth", "required"], tmp_path) as server:
        assert httpx.get(f"{server.root}/fhir/Patient").status_code == 401
        rows = re.findall(r"^  (\w+) +(\S+@\S+) +(\S+)$", server.said, re.M)
        assert [role for role, _, _ in rows] == ["patient", "doctor", "admin"]
        credentials = {"email": rows[0][1], "password": rows[0][2]}
        data = httpx.post(f"{server.root}/api/v1/auth/login", json=credentials).json()["data"]
        bearer = {"Authorization": f"Bearer {data['tokens']['access_token']}"}
        assert httpx.get(f"{server.root}/fhir/Patient", headers=bearer).json()["total"] == 1


def test_help_lists_what_there_is_and_nothing_else(tmp_path: Path) -> None:
    shown = fhir_server("--help", folder=tmp_path)
    assert shown.returncode == 0
    assert re.findall(r"^│ (\w+)\s", shown.stdout, re.M) == [
        "serve",
        "demo",
        "load",
        "reindex",
        "check",
        "version",
        "validate",
        "user",
        "client",
        "keys",
        "audit",
        "package",
        "terminology",
    ]


@pytest.mark.parametrize("command", ["serve", "demo", "load", "validate", "reindex", "check"])
def test_the_help_of_each_command_has_an_example(tmp_path: Path, command: str) -> None:
    shown = fhir_server(command, "--help", folder=tmp_path)
    assert shown.returncode == 0
    assert re.search(rf"^ fhir-server {command} ?", shown.stdout, re.M)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("serve --auth open --host 0.0.0.0", 2, "open mode has no authentication and is refused on 0.0.0.0"),
        ("serve --auth open --workers 2", 2, "exactly one process writes a SQLite store"),
        ("serve --auth open --config none.toml", 2, "none.toml cannot be read"),
        ("load none.json", 2, "none.json does not exist"),
        ("load . --url ftp://there.example", 2, "must be an address such as http://host/fhir"),
        ("load . --url http:///fhir", 2, "must be an address such as http://host/fhir"),
        ("load . --url http://[::1/fhir", 2, "must be an address such as http://host/fhir"),
        ("load . --url http://h/fhir --store sqlite:///x.db", 2, "Give --store or --url, not both"),
        ("load .", 2, "nothing to load"),
        ("serve --auth open --store postgresql://h/fhir", 2, "no store of this release"),
        ("check --store none.db", 2, "no store of this release"),
        ("check --store sqlite:///none.db", 1, "There is no store at none.db"),
        ("reindex --store sqlite:///none.db", 1, "There is no store at none.db"),
        ("package list --store sqlite:///none.db", 1, "There is no store at none.db"),
        ("user list --store sqlite:///none.db", 1, "There is no store at none.db"),
        ("client list --store sqlite:///none.db", 1, "There is no store at none.db"),
        ("keys rotate --store sqlite:///none.db", 1, "There is no store at none.db"),
        ("package add none.tgz", 2, "There is no package at none.tgz"),
        ("reindex --type Patient --type Martian", 2, "--type Martian: that is no resource type"),
    ],
)
def test_a_refusal_is_one_sentence_with_its_exit_code(tmp_path: Path, words: str, code: int, sentence: str) -> None:
    asked = fhir_server(*words.split(), folder=tmp_path)
    assert asked.returncode == code
    assert sentence in asked.stderr
    assert asked.stderr.startswith("fhir-server: ")
    assert len(asked.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_server_serves_until_told_to_stop_and_then_leaves_with_zero(tmp_path: Path) -> None:
    with Running(["serve", "--auth", "open", "--port", "0"], tmp_path) as server:
        statement = httpx.get(f"{server.root}/fhir/metadata").json()
        assert statement["fhirVersion"] == "4.0.1"
        assert server.stop() == 0
    assert (tmp_path / "data" / "fhir.db").exists()


def test_a_port_that_is_taken_is_a_failure_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        asked = fhir_server("serve", "--auth", "open", "--port", port, folder=tmp_path)
    assert asked.returncode == 1
    assert "choose another --port" in asked.stderr


def test_the_demo_shows_its_addresses_and_three_requests_that_work(tmp_path: Path) -> None:
    with Running(["demo", "--port", "0", "--temporary"], tmp_path) as server:
        requests = re.findall(r"^  curl .*'(http://\S+?)'", server.said, re.M)
        assert len(requests) == 3
        assert httpx.get(requests[0]).json()["name"][0]["family"] == "Moreau"
        assert httpx.get(requests[1]).json()["total"] == 3
        body = re.search(r"-d '(.*)'", server.said)
        assert body is not None
        posted = httpx.post(requests[2], json=json.loads(body[1]), headers={"Content-Type": "application/fhir+json"})
        assert posted.status_code == 201
    assert list(tmp_path.iterdir()) == []


def test_the_demo_keeps_what_was_changed_and_does_not_load_twice(tmp_path: Path) -> None:
    for _ in range(2):
        with Running(["demo", "--port", "0"], tmp_path) as server:
            found = httpx.get(f"{server.root}/fhir/Patient/camille-moreau")
            assert found.headers["ETag"] == 'W/"1"'
    assert (tmp_path / "data" / "demo.db").exists()


@pytest.mark.parametrize("words", ["user list", "package list", "terminology list", "reindex", "audit list"])
def test_a_file_that_is_no_store_is_refused_without_talk_of_a_server(tmp_path: Path, words: str) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as file:
        file.execute("CREATE TABLE customers (name TEXT)")
    file.close()
    asked = fhir_server(*words.split(), "--store", "sqlite:///shop.db", folder=tmp_path)
    assert asked.returncode == 1
    assert asked.stderr.startswith("fhir-server: The database file has tables of another application")
    assert "server runs" not in asked.stderr


def test_a_store_in_use_is_refused_to_others_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"resourceType":"Patient","id":"a"}')
    with Running(["serve", "--auth", "open", "--port", "0"], tmp_path) as server:
        for words in (["load", "p.json"], ["check"]):
            asked = fhir_server(*words, folder=tmp_path)
            assert asked.returncode == 1
            assert "open for writing in another process" in asked.stderr
        other = fhir_server("serve", "--auth", "open", "--port", "0", folder=tmp_path)
        assert other.returncode == 1
        assert other.stderr.startswith("fhir-server: The database fhir.db is open for writing in another process")
        assert len(other.stderr.splitlines()) == 1
        fed = fhir_server("load", "p.json", "--url", f"{server.root}/fhir", folder=tmp_path)
        assert fed.returncode == 0, fed.stdout + fed.stderr
        assert httpx.get(f"{server.root}/fhir/Patient/a").status_code == 200
        assert server.stop(signal.SIGINT) == 0
    assert fhir_server("check", folder=tmp_path).stdout.splitlines()[-1] == "The store is whole."
