"""What a Subscription asks for, as R4 and Subscriptions R5 Backport 1.1.0 write it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from realtime.subscriptions.subscription import address, header, moment, read, split
from tests.fakes.subscribing import GUIDE, subscription, topical


def test_r4_criteria_are_a_search() -> None:
    found = read(
        subscription("Observation?code=a", "https://x.example", end="2030-01-01T00:00:00+01:00")
        | {"id": "s", "channel": {"type": "rest-hook", "endpoint": "https://x.example", "header": ["A: b"]}}
    )
    assert (found.id, found.type, found.topic, found.payload) == ("s", "Observation", None, "")
    assert (found.headers, found.most, found.heartbeat) == (("A: b",), 1, 0)
    # 2029-12-31T23:00:00Z
    assert found.end == 1_893_452_400 * 1_000_000


def test_the_extensions_of_the_guide_belong_to_a_topic() -> None:
    asked = topical(
        "document",
        "https://x.example",
        "DocumentReference?patient=Patient/1",
        content="full-resource",
        heartbeat_period=60,
        timeout=5,
        max_count=20,
    )
    found = read(asked)
    assert (found.topic, found.type) == ("urn:fhir-health-server:telemed/SubscriptionTopic/document", "")
    assert found.filters == ("DocumentReference?patient=Patient/1",)
    assert (found.content, found.heartbeat, found.timeout, found.most) == ("full-resource", 60, 5, 20)


@pytest.mark.parametrize(
    ("written", "ends"),
    [
        ("2030-01-01T00:00:00Z", datetime(2030, 1, 1, tzinfo=UTC)),
        ("2030-01-01T00:00:00.123456789+01:00", datetime(2029, 12, 31, 23, 0, 0, 123456, tzinfo=UTC)),
        # A leap second is one of an instant's (http://hl7.org/fhir/R4/datatypes.html#instant).
        ("2030-12-31T23:59:60Z", datetime(2031, 1, 1, tzinfo=UTC)),
    ],
)
def test_its_end_is_an_instant(written: str, ends: datetime) -> None:
    assert moment(written) == round(ends.timestamp() * 1_000_000)


def test_the_version_of_a_topic_is_not_compared() -> None:
    asked = topical("document", "https://x.example")
    asked["criteria"] += "|1.0"
    assert read(asked).topic == "urn:fhir-health-server:telemed/SubscriptionTopic/document"


def test_a_content_that_the_guide_does_not_have_is_none() -> None:
    asked = topical("document", "https://x.example")
    asked["channel"]["_payload"] = {"extension": [{"url": f"{GUIDE}/backport-payload-content", "valueCode": "all"}]}
    assert read(asked).content == "empty"


@pytest.mark.parametrize(
    ("criteria", "parts"),
    [
        ("Observation", ("Observation", ())),
        ("Observation?", ("Observation", ())),
        ("Observation?code=http://loinc.org|1-1", ("Observation", (("code", "http://loinc.org|1-1"),))),
        ("Patient?name=a%26b&active=true", ("Patient", (("name", "a&b"), ("active", "true")))),
    ],
)
def test_criteria_are_a_type_and_parameters(criteria: str, parts: object) -> None:
    assert split(criteria) == parts


@pytest.mark.parametrize("criteria", ["Patient?name", "Patient?name=%ff"])
def test_what_is_no_query_is_refused(criteria: str) -> None:
    with pytest.raises(ValueError):
        split(criteria)


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("Authorization: Bearer a:b", ("Authorization", "Bearer a:b")),
        ("X-Empty:", ("X-Empty", "")),
        ("no colon", None),
        ("A: b\r\nC: d", None),
        ("A b: c", None),
        ("A: é", None),
    ],
)
def test_headers_are_names_and_values(line: str, read: object) -> None:
    assert header(line) == read


@pytest.mark.parametrize(
    ("endpoint", "found"),
    [
        ("mailto:a@b.example", "a@b.example"),
        ("mailto:a%40b.example?subject=x", "a@b.example"),
        ("https://b.example", ""),
    ],
)
def test_letters_go_to_mailto(endpoint: str, found: str) -> None:
    assert address(endpoint) == found
