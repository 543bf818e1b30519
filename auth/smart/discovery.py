"""What an app reads before it asks: SMART's configuration, OpenID Connect's, and what a CapabilityStatement repeats.

https://hl7.org/fhir/smart-app-launch/conformance.html and OpenID Connect Discovery 1.0. Everything said here is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auth.assurance import MULTIPLE
from auth.client_keys import ALGORITHMS
from auth.clients import GRANT_TYPES, METHODS

SIGNED_BY = "RS256"
"""The algorithm of id_tokens."""
CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "context-standalone-encounter",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)
SCOPES = (
    "openid",
    "fhirUser",
    "profile",
    "launch",
    "launch/patient",
    "launch/encounter",
    "offline_access",
    "online_access",
    "patient/*.cruds",
    "user/*.cruds",
    "system/*.cruds",
    "patient/*.read",
    "user/*.read",
    "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
)
CLAIMS = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "amr", "acr", "fhirUser", "profile")
EXTENSION = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where things are. `root` is the server's address without trailing slash; the issuer is its FHIR base."""

    root: str
    registration_open: bool = False

    @property
    def issuer(self) -> str:
        """The issuer: the FHIR base."""
        return f"{self.root}/fhir"

    def at(self, name: str) -> str:
        """Return the address of an endpoint under `/auth`."""
        return f"{self.root}/auth/{name}"

    @property
    def registered(self) -> dict[str, str]:
        """The registration endpoint, where it is open."""
        return {"registration_endpoint": self.at("register")} if self.registration_open else {}


def smart_configuration(endpoints: Endpoints) -> dict[str, Any]:
    """Return `/.well-known/smart-configuration`."""
    return {
        **_both(endpoints),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS.values()),
        "management_endpoint": endpoints.at("apps"),
        "capabilities": list(CAPABILITIES),
    }


def openid_configuration(endpoints: Endpoints) -> dict[str, Any]:
    """Return `/.well-known/openid-configuration`."""
    return {
        **_both(endpoints),
        "userinfo_endpoint": endpoints.at("userinfo"),
        "end_session_endpoint": endpoints.at("logout"),
        "response_modes_supported": ["query"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [SIGNED_BY],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS.values()),
        "acr_values_supported": [MULTIPLE],
        "claims_supported": list(CLAIMS),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }


def security(endpoints: Endpoints) -> Mapping[str, Any]:
    """Return `CapabilityStatement.rest.security`, with the addresses that older clients read there."""
    uris: Sequence[tuple[str, str]] = (
        ("authorize", endpoints.at("authorize")),
        ("token", endpoints.at("token")),
        ("introspect", endpoints.at("introspect")),
        ("revoke", endpoints.at("revoke")),
        ("manage", endpoints.at("apps")),
        *((("register", endpoints.at("register")),) if endpoints.registration_open else ()),
    )
    return {
        "extension": [{"url": EXTENSION, "extension": [{"url": name, "valueUri": uri} for name, uri in uris]}],
        "cors": True,
        "service": [{"coding": [{"system": SERVICE, "code": "SMART-on-FHIR"}], "text": "SMART App Launch"}],
        "description": "OAuth 2.0 as SMART App Launch 2.2 profiles it; see /.well-known/smart-configuration.",
    }


def _both(endpoints: Endpoints) -> dict[str, Any]:
    return {
        "issuer": endpoints.issuer,
        "jwks_uri": endpoints.at("jwks"),
        "authorization_endpoint": endpoints.at("authorize"),
        "token_endpoint": endpoints.at("token"),
        "introspection_endpoint": endpoints.at("introspect"),
        "revocation_endpoint": endpoints.at("revoke"),
        **endpoints.registered,
        "grant_types_supported": list(GRANT_TYPES),
        "response_types_supported": ["code"],
        "scopes_supported": list(SCOPES),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": list(METHODS),
    }
