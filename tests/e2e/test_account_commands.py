"""`fhir-server user` and `fhir-server keys`, as an operator types them, on a store that no server holds."""

from __future__ import annotations

from pathlib import Path

from auth.sealing import read_keys, write_keys
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
    for wrong in (("--role", "nurse"), ("--status", "closed")):
        refused = fhir_server("user", "list", *wrong, *store, folder=tmp_path)
        assert (refused.returncode, f"{wrong[0]} is one of" in refused.stderr) == (2, True)
    enabled = fhir_server("user", "enable", "doc@clinic.example", *store, folder=tmp_path)
    assert enabled.stdout == "Enabled doc@clinic.example: active\n"
    assert fhir_server("user", "enable", "doc@clinic.example", *store, folder=tmp_path).returncode == 1
    rotated = fhir_server("keys", "rotate", *store, folder=tmp_path).stdout.split()[1]
    assert rotated in fhir_server("keys", "list", *store, folder=tmp_path).stdout
    assert fhir_server("check", *store, folder=tmp_path).returncode == 0


def test_secrets_are_sealed_with_a_key_that_lies_beside_the_store(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{tmp_path}/fhir.db")
    file = tmp_path / "fhir.db.secrets-key"
    fhir_server("user", "add", "ann@clinic.example", *store, folder=tmp_path, FHIR_USER_PASSWORD=PASSWORD)
    signing = fhir_server("keys", "rotate", *store, folder=tmp_path).stdout.split()[1]
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE KEY" not in (tmp_path / "fhir.db").read_bytes()
    first = read_keys(file.read_text())

    sealed = fhir_server("keys", "seal", *store, folder=tmp_path)
    assert sealed.stdout == f"Sealed 2 secrets anew: {file}\n"
    assert read_keys(file.read_text())[1:] == first
    assert signing in fhir_server("keys", "list", *store, folder=tmp_path).stdout
    # The key before is for older copies of the store alone: this one is sealed with the new one.
    file.write_text(write_keys(read_keys(file.read_text())[:1]))
    assert signing in fhir_server("keys", "list", *store, folder=tmp_path).stdout


def test_without_the_key_the_store_is_refused_and_can_be_given_another(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{tmp_path}/fhir.db")
    file = tmp_path / "fhir.db.secrets-key"
    fhir_server("user", "add", "ann@clinic.example", *store, folder=tmp_path, FHIR_USER_PASSWORD=PASSWORD)
    signing = fhir_server("keys", "rotate", *store, folder=tmp_path).stdout.split()[1]
    file.unlink()
    for words in (("keys", "seal"), ("user", "list")):
        refused = fhir_server(*words, *store, folder=tmp_path)
        assert refused.returncode == 2
        assert "which is not at hand" in refused.stderr
        assert f"{file} (secrets_key)" in refused.stderr
    served = fhir_server("serve", "--port", "0", *store, folder=tmp_path)
    assert served.returncode == 2
    assert "keys seal --lost" in served.stderr
    file.write_text("nothing of use\n")
    assert "holds no keys that can be used" in fhir_server("keys", "list", *store, folder=tmp_path).stderr
    file.unlink()
    assert fhir_server("keys", "seal", "--lost", *store, folder=tmp_path).returncode == 0
    listed = fhir_server("keys", "list", *store, folder=tmp_path)
    assert (listed.returncode, signing in listed.stdout) == (0, False)
