"""Open mode lets in who comes to the right address, and no page of another site."""

from __future__ import annotations

import pytest

from fhir_server.errors import Forbidden, Misdirected
from fhir_server.http.guard import OpenGuard
from fhir_server.interactions.call import ANONYMOUS

GUARD = OpenGuard("https://fhir.example.org", hosts=["Clinic.Local"], origins=["https://app.example"])


@pytest.mark.parametrize(
    "host",
    [b"127.0.0.1:8080", b"localhost", b"[::1]:8080", b"fhir.example.org", b"FHIR.EXAMPLE.ORG:443", b"clinic.local"],
)
def test_our_own_names_are_admitted_at_any_port(host: bytes) -> None:
    assert GUARD.admit("GET", {b"host": host}) is ANONYMOUS


@pytest.mark.parametrize(
    "host", [b"evil.example", b"", b"127.0.0.1.evil.example", b"localhost, evil.example", b"[", b"a@b"]
)
def test_a_foreign_host_is_refused_on_every_request(host: bytes) -> None:
    for _ in range(2):
        with pytest.raises(Misdirected):
            GUARD.admit("GET", {b"host": host})


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", b"https://app.example.evil"])
def test_a_foreign_page_may_not_write(origin: bytes) -> None:
    headers = {b"host": b"localhost", b"origin": origin}
    with pytest.raises(Forbidden):
        GUARD.admit("POST", headers)
    assert GUARD.admit("GET", headers) is ANONYMOUS


@pytest.mark.parametrize("origin", [b"https://app.example", b"http://localhost:5173", b"https://fhir.example.org"])
def test_a_listed_page_and_our_own_may_write(origin: bytes) -> None:
    assert GUARD.admit("PUT", {b"host": b"localhost", b"origin": origin}) is ANONYMOUS
