"""Where a request came from: the connection's address, or what trusted proxies wrote."""

from __future__ import annotations

import pytest

from fhir_server.http.client_address import ClientAddress

PROXIES = ("10.0.0.0/8", "2001:db8::1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # Nobody but a trusted proxy is believed.
        ("198.51.100.9", "192.0.2.1", "198.51.100.9"),
        ("10.1.2.3", "192.0.2.1", "192.0.2.1"),
        ("10.1.2.3", None, "10.1.2.3"),
        # What a client wrote into the header before the proxy did stands to the left, and does not count.
        ("10.1.2.3", "127.0.0.1, 192.0.2.1", "192.0.2.1"),
        ("10.1.2.3", "203.0.113.5, 192.0.2.1, 10.9.9.9", "192.0.2.1"),
        ("10.1.2.3", "10.4.4.4, 10.9.9.9", "10.4.4.4"),
        ("10.1.2.3", "192.0.2.1, nonsense", "10.1.2.3"),
        ("10.1.2.3", "nonsense, 10.9.9.9", "10.9.9.9"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "<script>", "10.1.2.3"),
        ("10.1.2.3", "192.0.2.1:5121", "192.0.2.1"),
        ("10.1.2.3", "[2001:db8::7]:443", "2001:db8::7"),
        ("10.1.2.3", "2001:db8::7", "2001:db8::7"),
        ("2001:db8::1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:10.1.2.3", "192.0.2.1", "192.0.2.1"),
    ],
)
def test_the_address_is_the_nearest_that_is_no_trusted_proxy(peer: str, forwarded: str | None, expected: str) -> None:
    headers = {} if forwarded is None else {b"x-forwarded-for": forwarded.encode()}
    address = ClientAddress(PROXIES)
    for _ in range(2):
        assert address({"client": (peer, 1234)}, headers) == expected


def test_without_trusted_proxies_the_header_is_nothing() -> None:
    assert ClientAddress()({"client": ("10.1.2.3", 1)}, {b"x-forwarded-for": b"192.0.2.1"}) == "10.1.2.3"


def test_without_a_connection_there_is_no_address() -> None:
    assert ClientAddress(PROXIES)({"client": None}, {}) == ClientAddress()({}, {}) == ""
    assert ClientAddress(PROXIES)({"client": ("a-socket", 0)}, {b"x-forwarded-for": b"192.0.2.1"}) == "a-socket"
