"""What apps read first: every member that the standards demand, absolute addresses, nothing that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from auth.scopes import parse_scopes
from auth.smart.discovery import SCOPES, Endpoints, openid_configuration, security, smart_configuration
from profiles.validation.validator import Validator

ROOT = "https://fhir.example"
CLOSED, OPEN = Endpoints(ROOT), Endpoints(ROOT, registration_open=True)


def addresses(said: Mapping[str, Any]) -> list[str]:
    return [value for name, value in said.items() if name.endswith(("_endpoint", "_uri")) or name == "issuer"]


def test_smart_apps_find_what_the_guide_demands() -> None:
    said = smart_configuration(CLOSED)
    demanded = {"authorization_endpoint", "token_endpoint", "grant_types_supported", "capabilities"}
    demanded |= {"code_challenge_methods_supported", "issuer", "jwks_uri"}
    assert demanded <= said.keys()
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert {"authorization_code", "client_credentials"} <= set(said["grant_types_supported"])
    assert {"client_secret_basic", "client_secret_post", "private_key_jwt"} <= set(
        said["token_endpoint_auth_methods_supported"]
    )
    assert set(said["token_endpoint_auth_signing_alg_values_supported"]) == {"RS384", "ES384"}


def test_openid_clients_find_what_the_specification_demands() -> None:
    said = openid_configuration(CLOSED)
    demanded = {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported"}
    demanded |= {"subject_types_supported", "id_token_signing_alg_values_supported"}
    assert demanded <= said.keys()
    assert "RS256" in said["id_token_signing_alg_values_supported"]
    assert said["issuer"] == "https://fhir.example/fhir"
    assert said["acr_values_supported"] == ["http://schemas.openid.net/pape/policies/2007/06/multi-factor"]
    assert {"acr", "amr", "auth_time"} <= set(said["claims_supported"])


@pytest.mark.parametrize("said", [smart_configuration(OPEN), openid_configuration(OPEN)])
def test_every_address_is_absolute_and_ours(said: Mapping[str, Any]) -> None:
    assert addresses(said)
    assert [each for each in addresses(said) if not each.startswith(f"{ROOT}/")] == []


def test_registration_is_named_where_it_is_open() -> None:
    assert smart_configuration(OPEN)["registration_endpoint"] == "https://fhir.example/auth/register"
    assert "registration_endpoint" not in smart_configuration(CLOSED)
    assert "registration_endpoint" not in openid_configuration(CLOSED)


def test_every_scope_that_is_named_is_one() -> None:
    assert parse_scopes(" ".join(SCOPES), lambda type, name: (type, name) == ("Observation", "category"))[1] == ()


def test_older_clients_find_the_addresses_in_a_valid_capability_statement() -> None:
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-26",
        "kind": "requirements",
        "description": "The security of a server.",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "security": security(OPEN)}],
    }
    assert [each for each in Validator().validate(statement) if each.severity in ("error", "fatal")] == []
    found = {each["url"]: each["valueUri"] for each in security(OPEN)["extension"][0]["extension"]}
    assert found["authorize"] == smart_configuration(OPEN)["authorization_endpoint"]
    assert found["token"] == smart_configuration(OPEN)["token_endpoint"]
    assert found["register"] == "https://fhir.example/auth/register"
