"""Where settings come from, and which are refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fhir_server.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("FHIR_SERVER_"):
            monkeypatch.delenv(name)


def test_flags_win_over_the_environment_and_that_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "fhir.toml"
    file.write_text('port = 1\npage_max = 2\nor_values = 3\ncors_origins = ["https://a.example"]\n')
    monkeypatch.setenv("FHIR_SERVER_PAGE_MAX", "20")
    monkeypatch.setenv("FHIR_SERVER_OR_VALUES", "30")
    found = load_settings(file, or_values=300, host=None)
    assert (found.port, found.page_max, found.or_values) == (1, 20, 300)
    assert (found.host, found.cors_origins) == ("127.0.0.1", ("https://a.example",))


def test_the_file_may_be_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "fhir.toml"
    file.write_text("port = 1\n")
    monkeypatch.setenv("FHIR_SERVER_CONFIG", str(file))
    assert load_settings().port == 1


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_SERVER_CORS_ORIGINS", "https://a.example, http://b.example:5173/")
    assert load_settings().cors_origins == ("https://a.example", "http://b.example:5173")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"auth": "open", "host": "0.0.0.0"}, "0.0.0.0"),
        ({"auth": "open", "host": "fhir.example.org"}, "127.0.0.1"),
        ({"auth": "none"}, "auth"),
        ({"port": 70000}, "port"),
        ({"cors_origins": "*"}, "origin"),
        ({"cors_origins": "https://a.example/path"}, "origin"),
        ({"public_url": "fhir.example.org"}, "public_url"),
        ({"colour": "blue"}, "colour"),
        ({"stun_urls": "https://s.example"}, "stun_urls: .*stun:host"),
        ({"turn_urls": "turn:t.example"}, "turn_secret"),
        ({"turn_secret": "x"}, "turn_urls"),
        ({"store": "postgresql://localhost/fhir"}, "store: .*sqlite:///"),
        ({"store": "data/fhir.db"}, "store: .*sqlite:///"),
        ({"store": "sqlite://data/fhir.db"}, "store: .*sqlite:///"),
        ({"prot": 1}, r"^prot is no setting of this server; did you mean port\? docs/settings\.md lists them\.$"),
        ({"xyzzy": 1}, r"^xyzzy is no setting of this server: docs/settings\.md lists them\.$"),
        ({"views": "no/such/folder"}, "views: there is no folder no/such/folder"),
        ({"policy": "no/such/file.toml"}, "policy: there is no file no/such/file.toml"),
        ({"bus": "localhost:6379"}, "bus: .*redis://host:6379"),
        ({"bus": "redis://host:port"}, "bus: .*redis://host:6379"),
        ({"bus": "http://host:6379"}, "bus: .*redis://host:6379"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load_settings(**given)


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_SERVER_PAGEMAX", "20")
    with pytest.raises(SettingsError, match=r"FHIR_SERVER_PAGEMAX is no setting .* did you mean FHIR_SERVER_PAGE_MAX"):
        load_settings()


def test_the_address_of_a_bus_is_not_repeated_for_it_may_have_a_password() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(bus="http://:s3cret@host:6379")
    assert "s3cret" not in str(caught.value)


def test_a_file_that_is_missing_or_broken_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml"):
        load_settings(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("port = = 1")
    with pytest.raises(SettingsError, match=r"bad\.toml"):
        load_settings(tmp_path / "bad.toml")


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ({}, "http://127.0.0.1:8080/fhir"),
        ({"host": "::1", "port": 9}, "http://[::1]:9/fhir"),
        ({"public_url": "https://fhir.example.org/"}, "https://fhir.example.org/fhir"),
        ({"public_url": "https://example.org/fhir"}, "https://example.org/fhir"),
    ],
)
def test_the_base_is_that_of_the_public_address(given: dict[str, Any], base: str) -> None:
    assert load_settings(**given).base == base


A, B = "https://a.example/p", "https://b.example/q|1.0"


def test_profiles_are_demanded_by_type_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_SERVER_VALIDATE_PROFILES", f"Patient={A}, Observation={A},Patient={B}")
    assert load_settings().required_profiles == {"Patient": (A, B), "Observation": (A,)}


def test_profiles_are_demanded_by_type_in_a_table(tmp_path: Path) -> None:
    file = tmp_path / "fhir.toml"
    file.write_text(f'[validate_profiles]\nObservation = "{A}"\nPatient = ["{A}", "{B}"]\n')
    assert load_settings(file).required_profiles == {"Observation": (A,), "Patient": (A, B)}
    file.write_text(f'validate_profiles = ["Patient={A}"]\n')
    assert load_settings(file).required_profiles == {"Patient": (A,)}


@pytest.mark.parametrize("given", ["Martian=https://a.example/p", "Patient", "Patient=", "Patient=fr-core-patient"])
def test_a_demand_that_names_no_type_or_no_canonical_is_refused(given: str) -> None:
    with pytest.raises(SettingsError, match=r"validate_profiles: .*write Patient=https"):
        load_settings(validate_profiles=given)


def test_proxies_are_addresses_or_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_SERVER_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8,2001:db8::/32")
    assert load_settings().trusted_proxies == ("127.0.0.1", "10.0.0.0/8", "2001:db8::/32")
    for wrong in ("proxy.example", "10.0.0.1/8", "*"):
        monkeypatch.setenv("FHIR_SERVER_TRUSTED_PROXIES", wrong)
        with pytest.raises(SettingsError, match="no address or network"):
            load_settings()


def test_a_certificate_makes_the_address_https(tmp_path: Path) -> None:
    (tmp_path / "server.pem").touch()
    found = load_settings(tls_cert=str(tmp_path / "server.pem"), auth="open")
    assert found.base == "https://127.0.0.1:8080/fhir"
    with pytest.raises(SettingsError, match="there is no file"):
        load_settings(tls_cert=str(tmp_path / "absent.pem"))
    with pytest.raises(SettingsError, match="tls_cert"):
        load_settings(tls_key=str(tmp_path / "server.pem"))


def test_the_audit_key_is_beside_the_store_unless_it_is_named() -> None:
    assert load_settings(store="sqlite:////var/lib/fhir/fhir.db").audit_key_path == Path(
        "/var/lib/fhir/fhir.db.audit-key.pem"
    )
    assert load_settings(audit_key="/run/secrets/audit.pem").audit_key_path == Path("/run/secrets/audit.pem")


def test_the_keys_to_secrets_are_beside_the_store_unless_they_are_named() -> None:
    assert load_settings(store="sqlite:////var/lib/fhir/fhir.db").secrets_key_path == Path(
        "/var/lib/fhir/fhir.db.secrets-key"
    )
    assert load_settings(secrets_key="/run/secrets/keys").secrets_key_path == Path("/run/secrets/keys")
    assert load_settings(store="memory:").secrets_key_path is None


@pytest.mark.parametrize(
    "url", ["http://login.example.org", "login.example.org", "ftp://login.example.org", "https://"]
)
def test_a_provider_is_asked_over_https(url: str) -> None:
    for name in ("oidc_issuer", "oidc_discovery"):
        with pytest.raises(SettingsError, match=f"{name}: .* is no address of a provider"):
            load_settings(**{name: url})
    assert load_settings(oidc_issuer="http://127.0.0.1:9000").oidc_issuer == "http://127.0.0.1:9000"


def test_two_factors_are_demanded_of_roles_that_there_are() -> None:
    assert load_settings(second_factor="doctor, admin").second_factor == ("doctor", "admin")
    with pytest.raises(SettingsError, match="'nurse' is no role of accounts"):
        load_settings(second_factor="nurse")
