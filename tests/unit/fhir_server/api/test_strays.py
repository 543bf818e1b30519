"""Requests that no route takes, with accounts and without: they hear where things are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from fhir_server.beside import beside
from fhir_server.settings import Settings
from tests.fakes.desk import desk_of

pytestmark = pytest.mark.anyio


async def ready() -> bool:
    return True


@asynccontextmanager
async def asking(*, accounts: bool) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of what stands beside `/fhir`."""
    async with desk_of() as desk:
        api = beside(ready, (lambda: desk) if accounts else None, Settings(), ())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as http:
            yield http


def message(answer: httpx.Response) -> str:
    told: dict[str, Any] = answer.json()
    assert told.keys() == {"error"}
    return str(told["error"]["message"])


@pytest.mark.parametrize("accounts", [True, False])
async def test_who_asks_beside_the_addresses_there_are_hears_of_them(accounts: bool) -> None:
    async with asking(accounts=accounts) as http:
        for path in ("/", "/Patient", "/metadata", "/api/v2/me"):
            answer = await http.get(path)
            assert answer.status_code == 404
            assert "/fhir/metadata" in message(answer)
            assert "/docs" in message(answer)


@pytest.mark.parametrize("accounts", [True, False])
async def test_a_wrong_method_hears_of_those_there_are(accounts: bool) -> None:
    async with asking(accounts=accounts) as http:
        answer = await http.post("/health")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert message(answer) == "POST does not go with this address, which takes GET."


async def test_the_methods_of_all_routes_of_an_address_are_named() -> None:
    async with asking(accounts=True) as http:
        answer = await http.patch("/api/v1/medical_records/1")
    assert message(answer) == "PATCH does not go with this address, which takes DELETE, GET, PUT."


async def test_an_open_server_says_that_it_has_no_accounts() -> None:
    async with asking(accounts=False) as http:
        for path in ("/api/v1/me", "/admin/users", "/auth/token", "/fhir/.well-known/smart-configuration", "/socket/x"):
            for answer in (await http.get(path), await http.post(path)):
                assert answer.status_code == 404
                assert "--auth required" in message(answer)


async def test_who_comes_to_a_socket_by_plain_http_hears_what_a_proxy_must_pass_on() -> None:
    async with asking(accounts=True) as http:
        for path in ("/socket/websocket", "/socket/subscriptions"):
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
            assert "proxy" in message(answer)


async def test_oauth_endpoints_hear_of_it_in_the_words_of_oauth() -> None:
    async with asking(accounts=True) as http:
        answer = await http.get("/auth/token")
    assert answer.status_code == 405
    assert answer.json() == {
        "error": "invalid_request",
        "error_description": "GET does not go with this address, which takes POST.",
    }


@pytest.mark.parametrize(
    ("body", "type", "field", "reason"),
    [
        (b'{"email": ', "application/json", "body", "is not JSON that can be read: Expecting value"),
        (b'{"email": "a"}', "application/x-www-form-urlencoded", "body", "application/json"),
        (b"[]", "application/json", "body", "must be a JSON object"),
        (b'{"password": "x"}', "application/json", "email", "is needed"),
    ],
)
async def test_a_body_that_cannot_be_taken_hears_what_to_send(body: bytes, type: str, field: str, reason: str) -> None:
    async with asking(accounts=True) as http:
        answer = await http.post("/api/v1/auth/login", content=body, headers={"Content-Type": type})
    assert answer.status_code == 422
    (told,) = answer.json()["error"]["fields"][field]
    assert reason in told
