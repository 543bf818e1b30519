"""`fhir-server user` and `fhir-server keys`, as an operator types them, on a store that no server holds."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.authority import PASSWORD
from tests.fakes.command import fhir_server


def test_accounts_are_managed_from_the_command_line(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{tmp_path}/fhir.db")
    add = ("user", "add", "doc@clinic.example", "--role", "doctor", *store)
    assert fhir_server(*add, folder=tmp_path, FHIR_USER_PASSWORD="weak").returncode == 2
    assert fhir_server(*add, folder=tmp_path, FHIR_USER_PASSWORD=PASSWORD).stdout.startswith("Opened doctor")
    again = fhir_server(*add, folder=tmp_path, FHIR_USER_PASSWORD=PASSWORD)
    assert (again.returncode, again.stderr) == (2, "fhir-server: email is taken\n")
    assert "doc@clinic.example" in fhir_server("user", "list", *store, folder=tmp_path).stdout
    assert fhir_server("user", "confirm", "doc@clinic.example", *store, folder=tmp_path).returncode == 1
    assert fhir_server("user", "disable", "doc@clinic.example", *store, folder=tmp_path).returncode == 0
    assert "disabled" in fhir_server("user", "list", "--status", "disabled", *store, folder=tmp_path).stdout
    enabled = fhir_server("user", "enable", "doc@clinic.example", *store, folder=tmp_path)
    assert enabled.stdout == "Enabled doc@clinic.example: active\n"
    assert fhir_server("user", "enable", "doc@clinic.example", *store, folder=tmp_path).returncode == 1
    rotated = fhir_server("keys", "rotate", *store, folder=tmp_path).stdout.split()[1]
    assert rotated in fhir_server("keys", "list", *store, folder=tmp_path).stdout
    assert fhir_server("check", *store, folder=tmp_path).returncode == 0
