"""Identity, times and the server's part of meta."""

from __future__ import annotations

import pytest

from fhir_server.model.resource import (
    http_date,
    instant,
    is_id,
    nearest_instant,
    parse_http_date,
    stamp,
    strip_server_meta,
)

EXAMPLE = 784_111_777_000_000  # RFC 9110's example date, Sun, 06 Nov 1994 08:49:37 GMT


def test_a_stamped_resource_begins_with_its_identity_and_keeps_the_clients_meta() -> None:
    sent = {
        "active": True,
        "meta": {"versionId": "99", "lastUpdated": "1900", "_versionId": {"id": "x"}, "tag": [{"code": "t"}]},
        "id": "sent",
        "resourceType": "Patient",
    }
    stamped = stamp(sent, "kept", 3, EXAMPLE + 123_999)
    assert list(stamped) == ["resourceType", "id", "meta", "active"]
    assert stamped["id"] == "kept"
    assert stamped["meta"] == {"versionId": "3", "lastUpdated": "1994-11-06T08:49:37.123Z", "tag": [{"code": "t"}]}
    assert sent["meta"]["versionId"] == "99"


def test_a_resource_without_meta_gets_one() -> None:
    assert stamp({"resourceType": "Basic"}, "a", 1, 0)["meta"] == {
        "versionId": "1",
        "lastUpdated": "1970-01-01T00:00:00.000Z",
    }


def test_the_servers_meta_can_be_taken_off_again() -> None:
    sent = {"resourceType": "Basic", "meta": {"source": "s"}, "code": {"text": "c"}}
    assert strip_server_meta(stamp(sent, "a", 1, 0)) == {**sent, "id": "a"}
    assert strip_server_meta(stamp({"resourceType": "Basic"}, "a", 1, 0)) == {"resourceType": "Basic", "id": "a"}


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999, "1970-01-01T00:00:00.000Z"),
        (1_706_702_400_000_000, "2024-01-31T12:00:00.000Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_an_instant_is_rounded_down_to_milliseconds(time: int, text: str) -> None:
    assert instant(time) == text


def test_an_http_date_is_rounded_down_to_seconds() -> None:
    assert http_date(EXAMPLE + 999_999) == "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_all_three_forms_of_http_dates_are_read(text: str) -> None:
    assert parse_http_date(text) == EXAMPLE


@pytest.mark.parametrize(
    "text", ["", "yesterday", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 99999999999 08:49:37 GMT"]
)
def test_what_is_not_a_date_is_none(text: str) -> None:
    assert parse_http_date(text) is None


@pytest.mark.parametrize("text", ["a", "A-1.b", "x" * 64, "1"])
def test_ids(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "a_b", "a/b", "é", "a\n", "١", "a b"])
def test_what_is_not_an_id(text: str) -> None:
    assert not is_id(text)


def test_the_nearest_instant_is_of_the_years_1_to_9999() -> None:
    assert nearest_instant(0) == "1970-01-01T00:00:00.000Z"
    assert nearest_instant(-(10**18)) == "0001-01-01T00:00:00.000Z"
    assert nearest_instant(10**18) == "9999-12-31T23:59:59.999Z"
