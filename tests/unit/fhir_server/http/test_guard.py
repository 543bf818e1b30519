"""Open mode lets in who comes to the right address, and no page of another site; required mode who has a token."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from auth.admission import Admission
from auth.errors import Unauthenticated
from auth.rights import EVERYTHING
from fhir_server.errors import Forbidden, Misdirected, Unauthorized
from fhir_server.http.guard import OpenGuard, TokenGuard
from fhir_server.interactions.call import ANONYMOUS, Principal

GUARD = OpenGuard("https://fhir.example.org", hosts=["Clinic.Local"], origins=["https://app.example"])


@pytest.mark.parametrize(
    "host",
    [b"127.0.0.1:8080", b"localhost", b"[::1]:8080", b"fhir.example.org", b"FHIR.EXAMPLE.ORG:443", b"clinic.local"],
)
async def test_our_own_names_are_admitted_at_any_port(host: bytes) -> None:
    assert await GUARD.admit("GET", {b"host": host}) is ANONYMOUS


@pytest.mark.parametrize(
    "host", [b"evil.example", b"", b"127.0.0.1.evil.example", b"localhost, evil.example", b"[", b"a@b"]
)
def test_a_foreign_host_is_refused_on_every_request(host: bytes) -> None:
    for _ in range(2):
        with pytest.raises(Misdirected):
            GUARD.check("GET", {b"host": host})


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", b"https://app.example.evil"])
async def test_a_foreign_page_may_not_write(origin: bytes) -> None:
    headers = {b"host": b"localhost", b"origin": origin}
    with pytest.raises(Forbidden):
        GUARD.check("POST", headers)
    assert await GUARD.admit("GET", headers) is ANONYMOUS


@pytest.mark.parametrize("origin", [b"https://app.example", b"http://localhost:5173", b"https://fhir.example.org"])
async def test_a_listed_page_and_our_own_may_write(origin: bytes) -> None:
    assert await GUARD.admit("PUT", {b"host": b"localhost", b"origin": origin}) is ANONYMOUS


ANN = Principal("Patient/ann", EVERYTHING)


class Office:
    """Admits the token `good`."""

    async def admit(self, token: str) -> SimpleNamespace:
        if token != "good":
            raise Unauthenticated("The session has ended: sign in again.")
        return SimpleNamespace(principal=ANN)


TOKENS = TokenGuard(cast(Admission[Principal], Office()), "https://fhir.example.org", origins=["https://app.example"])


@pytest.mark.parametrize("value", [b"Bearer good", b"bearer good", b"BEARER good "])
async def test_a_good_token_is_admitted_whatever_the_host(value: bytes) -> None:
    headers = {b"host": b"10.0.0.7", b"authorization": value, b"origin": b"https://any.example"}
    TOKENS.check("POST", headers)
    assert await TOKENS.admit("POST", headers) is ANN


async def test_without_a_token_the_challenge_says_what_is_asked_for_and_nothing_else() -> None:
    with pytest.raises(Unauthorized) as caught:
        await TOKENS.admit("GET", {b"host": b"localhost"})
    assert caught.value.challenge == "Bearer"


async def test_a_token_that_does_not_count_is_told_so() -> None:
    with pytest.raises(Unauthorized) as caught:
        await TOKENS.admit("GET", {b"authorization": b"Bearer bad"})
    assert caught.value.challenge.startswith('Bearer error="invalid_token", error_description="')


@pytest.mark.parametrize(
    "value", [b"", b"Bearer", b"Bearer ", b"Basic Z29vZDp4", b"good", b"Bearer " + b"x" * 20_000, b"Bearer g\xc3\xa9"]
)
async def test_what_is_no_bearer_token_is_refused(value: bytes) -> None:
    with pytest.raises(Unauthorized) as caught:
        await TOKENS.admit("GET", {b"authorization": value})
    assert caught.value.challenge == 'Bearer error="invalid_request"'


async def test_a_foreign_page_may_not_write_without_a_token() -> None:
    with pytest.raises(Forbidden):
        TOKENS.check("POST", {b"origin": b"https://evil.example"})
    for origin in (b"https://app.example", b"https://fhir.example.org"):
        TOKENS.check("POST", {b"origin": origin})
    TOKENS.check("GET", {b"origin": b"https://evil.example"})
