"""Which origins may read answers: those listed, those of registered clients, no others."""

from __future__ import annotations

from fhir_server.http.cors import EXPOSED, Cors

PREFLIGHT = {b"access-control-request-method": b"PUT"}


def test_the_origin_of_a_registered_client_is_allowed_as_long_as_it_is_registered() -> None:
    registered = {b"https://app.example"}
    cors = Cors(["https://listed.example/"], registered.__contains__)
    for origin in (b"https://listed.example", b"https://app.example"):
        assert dict(cors.headers({b"origin": origin}))[b"access-control-allow-origin"] == origin
        assert cors.is_preflight("OPTIONS", PREFLIGHT | {b"origin": origin})
    registered.clear()
    for origin in (b"https://app.example", b"https://evil.example", b"null", b"*", b""):
        assert cors.headers({b"origin": origin}) == []
        assert not cors.is_preflight("OPTIONS", PREFLIGHT | {b"origin": origin})
    assert cors.headers({}) == []
    assert not cors.is_preflight("GET", PREFLIGHT | {b"origin": b"https://listed.example"})


def test_discovery_is_for_every_page_where_the_server_says_so() -> None:
    foreign, listed = {b"origin": b"https://any.example"}, {b"origin": b"https://listed.example"}
    cors = Cors(["https://listed.example"], discoverable=True)
    assert dict(cors.headers(foreign, discovery=True))[b"access-control-allow-origin"] == b"*"
    assert dict(cors.headers(listed, discovery=True))[b"access-control-allow-origin"] == b"https://listed.example"
    assert cors.headers(foreign) == []
    assert cors.headers({}, discovery=True) == []
    assert Cors(["https://listed.example"]).headers(foreign, discovery=True) == []


def test_what_a_client_must_read_is_exposed() -> None:
    for name in ("etag", "location", "last-modified", "retry-after", "www-authenticate", "x-request-id"):
        assert name in EXPOSED.split(", ")
