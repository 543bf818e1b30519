"""What a registration may say, and where an app may be sent back to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from auth.clients import Client, read_client
from tests.unit.auth.test_client_keys import EC_KEY, RSA_KEY

APP = {
    "client_name": "Growth chart",
    "redirect_uris": ["https://app.example/callback"],
    "launch_uris": ["https://app.example/launch"],
    "scope": "launch openid patient/*.rs offline_access",
}
BACKEND = {
    "client_name": "Export",
    "token_endpoint_auth_method": "private_key_jwt",
    "grant_types": ["client_credentials"],
    "jwks": {"keys": [RSA_KEY]},
    "scope": "system/*.rs",
}


def known(type: str, name: str) -> bool:
    return (type, name) == ("Observation", "category")


def client(said: Mapping[str, Any]) -> Client:
    found, problems = read_client("c1", said, known)
    assert problems == []
    assert found is not None
    return found


def problems(said: Mapping[str, Any]) -> list[str]:
    found, wrong = read_client("c1", said, known)
    assert found is None
    assert wrong
    return [each.member for each in wrong]


def test_a_browser_app_is_public_unless_it_says_otherwise() -> None:
    app = client(APP)
    assert (app.id, app.name, app.method, app.grant_types) == ("c1", "Growth chart", "none", ("authorization_code",))
    assert not app.confidential
    assert app.scopes.words == ("launch", "openid", "offline_access")
    assert app.origins == {"https://app.example"}
    assert (app.ehr, app.disabled, app.secret) == (False, False, None)


def test_a_backend_service_has_keys_and_no_pages() -> None:
    service = client(BACKEND)
    assert service.confidential
    assert service.keys == (RSA_KEY,)
    assert service.origins == frozenset()
    from_url = client({**BACKEND, "jwks": None, "jwks_uri": "https://keys.example/jwks.json"} | {"jwks": None})
    assert (from_url.keys, from_url.keys_url) == ((), "https://keys.example/jwks.json")


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"client_name": ""}, "client_name"),
        ({"client_name": "x" * 101}, "client_name"),
        ({"client_name": "two\nlines"}, "client_name"),
        ({"client_name": 7}, "client_name"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks"),
        ({"grant_types": []}, "grant_types"),
        ({"grant_types": ["password"]}, "grant_types"),
        ({"grant_types": ["authorization_code", "implicit"]}, "grant_types"),
        ({"grant_types": ["refresh_token"]}, "grant_types"),
        ({"grant_types": "authorization_code"}, "grant_types"),
        ({"grant_types": ["client_credentials"]}, "token_endpoint_auth_method"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": "https://app.example/callback"}, "redirect_uris"),
        ({"redirect_uris": [7]}, "redirect_uris"),
        ({"launch_uris": ["org.example.app:/launch"]}, "launch_uris"),
        ({"scope": "patient/*.sr"}, "scope"),
        ({"scope": "system/*.rs"}, "scope"),
        ({"scope": ["openid"]}, "scope"),
        ({"jwks_uri": "http://keys.example/"}, "jwks_uri"),
        ({"jwks_uri": "https://keys.example/", "jwks": {"keys": [EC_KEY]}}, "jwks"),
        ({"jwks": {"keys": []}}, "jwks"),
        ({"refresh_days": 0}, "refresh_days"),
        ({"refresh_days": True}, "refresh_days"),
        ({"refresh_days": "30"}, "refresh_days"),
    ],
)
def test_what_is_wrong_is_named_by_its_member(changes: dict[str, Any], member: str) -> None:
    assert problems({**APP, **changes}) == [member] or member in problems({**APP, **changes})


def test_a_backend_service_acts_for_no_user() -> None:
    assert problems({**BACKEND, "scope": "patient/*.rs"}) == ["scope"]


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/callback",
        "//app.example/callback",
        "/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "myapp:/callback",
        "https://app.example/callback#x",
        "https://app.example/callback#",
        "https://user@app.example/callback",
        "https://ok.example@evil.example/",
        "https://app.example/../callback",
        "https://app.example/%2e%2e/callback",
        "https://app.example/a%2Fb",
        "https://app.example/*",
        "https://app.example/call back",
        "https://app.example\\@evil.example/",
        "https://äpp.example/",
        "https:///callback",
        "https://app.example:0/",
        "https://app.example:port/",
        "https://app.example/" + "x" * 2000,
        "",
    ],
)
def test_an_address_that_could_be_taken_for_another_is_refused(uri: str) -> None:
    assert problems({**APP, "redirect_uris": [uri]}) == ["redirect_uris"]


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback",
        "https://app.example:8443/callback?tenant=1",
        "http://localhost:9000/",
        "http://127.0.0.1/callback",
        "http://[::1]:4000/callback",
        "org.example.app:/callback",
    ],
)
def test_an_address_that_is_clear_is_taken(uri: str) -> None:
    assert client({**APP, "redirect_uris": [uri]}).may_return_to(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback/",
        "https://app.example/Callback",
        "https://APP.example/callback",
        "https://app.example/callback?x=1",
        "https://app.example/callback#",
        "https://app.example:443/callback",
        "https://app.example:8443/callback",
        "https://app.example.evil.example/callback",
        "https://app.example@evil.example/callback",
        "//app.example/callback",
        "",
    ],
)
def test_an_app_returns_only_to_exactly_what_it_registered(uri: str) -> None:
    assert not client(APP).may_return_to(uri)


@pytest.mark.parametrize(
    ("uri", "may"),
    [
        ("http://127.0.0.1:49152/callback", True),
        ("http://127.0.0.1/callback", True),
        ("http://127.0.0.1:49152/other", False),
        ("http://127.0.0.1:49152/callback?x=1", False),
        ("http://127.0.0.1:49152/callback#", False),
        ("http://127.0.0.1:0/callback", False),
        ("http://127.0.0.1:x/callback", False),
        ("http://user@127.0.0.1:49152/callback", False),
        ("https://127.0.0.1:49152/callback", False),
        ("http://localhost:49152/callback", False),
        ("http://127.0.0.2:49152/callback", False),
    ],
)
def test_a_native_app_may_listen_on_any_port_of_the_loopback_address(uri: str, may: bool) -> None:
    native = client({**APP, "redirect_uris": ["http://127.0.0.1:4000/callback"], "launch_uris": []})
    assert native.may_return_to(uri) is may


def test_the_port_of_localhost_counts_since_it_is_a_name() -> None:
    app = client({**APP, "redirect_uris": ["http://localhost:9000/"], "launch_uris": []})
    assert not app.may_return_to("http://localhost:9001/")
