"""Who asks: the connection, or what trusted proxies say."""

from __future__ import annotations

import pytest

from fhir_server.http.address import address

PROXIES = ("10.0.0.1", "10.0.0.2")


@pytest.mark.parametrize(
    ("client", "forwarded", "found"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7", b"203.0.113.1", "192.0.2.7"),
        ("10.0.0.1", b"203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", b"6.6.6.6, 203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", b"203.0.113.1, 10.0.0.2", "203.0.113.1"),
        ("10.0.0.1", b"2001:DB8::1", "2001:db8::1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("10.0.0.1", b"203.0.113.1, nonsense", "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_are_believed(client: str, forwarded: bytes | None, found: str) -> None:
    headers = {} if forwarded is None else {b"x-forwarded-for": forwarded}
    assert address({"client": (client, 5)}, headers, PROXIES) == found


def test_without_a_connection_there_is_no_address() -> None:
    assert address({"client": None}, {}, PROXIES) == ""
