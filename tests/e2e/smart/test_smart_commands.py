"""`fhir-server client`: apps registered, listed, disabled and given a new secret while no server runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.fakes.apps import KEY
from tests.fakes.command import fhir_server


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The store of the commands."""
    return f"sqlite:///{tmp_path}/fhir.db"


def run(tmp_path: Path, store: str, *arguments: str, code: int = 0) -> str:
    """Run a command; return what it prints."""
    done = fhir_server("client", *arguments, "--store", store, folder=tmp_path)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_an_app_is_registered_listed_disabled_and_let_in_again(tmp_path: Path, store: str) -> None:
    more = ("--redirect", "https://app.example/back", "--scope", "openid patient/*.rs", "--kind", "secret")
    said = run(tmp_path, store, "add", "Growth chart", *more)
    id, secret = re.findall(r"client_(?:id|secret) (\S+)", said)
    listed = run(tmp_path, store, "list")
    assert id in listed
    assert "client_secret_basic" in listed
    assert secret not in listed
    assert run(tmp_path, store, "disable", id) == f"Disabled {id}\n"
    assert "disabled" in run(tmp_path, store, "list")
    assert run(tmp_path, store, "enable", id) == f"Enabled {id}\n"
    renewed = re.findall(r"client_secret (\S+)", run(tmp_path, store, "secret", id))
    assert renewed not in ([], [secret])


def test_a_service_is_registered_with_its_keys(tmp_path: Path, store: str) -> None:
    file = tmp_path / "public.json"
    file.write_text(json.dumps({"keys": [KEY]}))
    said = run(
        tmp_path, store, "add", "Report", "--kind", "service", "--keys", str(file), "--scope", "system/Patient.rs"
    )
    assert "client_secret" not in said
    address = ("--keys", "https://keys.example/jwks.json", "--scope", "system/*.rs")
    assert "Registered Report" in run(tmp_path, store, "add", "Report", "--kind", "ehr", *address)


def test_what_cannot_be_registered_is_refused_with_the_reason(tmp_path: Path, store: str) -> None:
    patients = ("--scope", "patient/*.rs")
    for arguments, reason in (
        (("--redirect", "http://app.example/", *patients), "fhir-server: --redirect: An address is https"),
        (patients, "--redirect: An app that users sign in to needs at least one redirect URI"),
        (
            ("--redirect", "https://app.example/", "--scope", "patient/Nothing.rs"),
            "--scope: patient/Nothing.rs names no",
        ),
        (("--redirect", "https://app.example/"), "--scope: name the most"),
        (("--kind", "service", "--scope", "system/*.rs"), "--keys: private_key_jwt needs"),
        (("--kind", "service", "--scope", "system/*.rs", "--keys", "nowhere.json"), "No such file or directory\n"),
    ):
        assert reason in run(tmp_path, store, "add", "X", *arguments, code=2)
    assert "--kind is one of" in run(tmp_path, store, "add", "X", "--kind", "other", code=2)
    run(tmp_path, store, "add", "X", "--redirect", "https://app.example/", *patients)
    for command in ("disable", "enable", "secret"):
        assert "no app of that id" in run(tmp_path, store, command, "nobody", code=1)


def test_a_listed_app_stands_on_one_line(tmp_path: Path, store: str) -> None:
    scope = "launch/patient openid fhirUser offline_access patient/Patient.rs patient/Observation.rs"
    run(tmp_path, store, "add", "My measurements", "--redirect", "https://app.example/", "--scope", scope)
    names, row = run(tmp_path, store, "list").splitlines()
    assert names.split() == ["client_id", "name", "proof", "scopes"]
    assert row.endswith(scope)
