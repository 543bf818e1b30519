"""Request headers (http://hl7.org/fhir/R4/http.html#Http-Headers)."""

from __future__ import annotations

import pytest

from fhir_server.errors import BadRequest
from fhir_server.http.headers import collect, own_request_id, preconditions, prefer
from fhir_server.interactions.call import NO_PRECONDITIONS, NO_PREFERENCE


def test_a_repeated_header_is_joined() -> None:
    assert collect([(b"accept", b"a"), (b"host", b"h"), (b"accept", b"b")]) == {b"accept": b"a, b", b"host": b"h"}


@pytest.mark.parametrize(("value", "version"), [(b'W/"3"', "3"), (b'"3"', "3"), (b"*", "*"), (b' W/"a-1.b" ', "a-1.b")])
def test_if_match_is_a_version(value: bytes, version: str) -> None:
    assert preconditions({b"if-match": value}, reading=False).if_match == version


@pytest.mark.parametrize("value", [b"3", b'W/"3', b'W/""', b'W/"1", W/"2"', b'w/"1"', b'W/"a b"', b"\xff"])
def test_an_if_match_that_is_no_etag_is_refused(value: bytes) -> None:
    with pytest.raises(BadRequest, match="If-Match"):
        preconditions({b"if-match": value}, reading=False)


@pytest.mark.parametrize(
    ("value", "versions"), [(b"7", ""), (b'W/"1", "2" ,W/"3"', "1,2,3"), (b'x, W/"2"', "2"), (b" * ", "*")]
)
def test_if_none_match_of_a_read_may_name_several_and_what_is_unreadable_matches_nothing(
    value: bytes, versions: str
) -> None:
    assert preconditions({b"if-none-match": value}, reading=True).if_none_match == versions


def test_conditions_of_time_are_read_to_microseconds_or_ignored() -> None:
    date = b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert preconditions({b"if-modified-since": date}, reading=True).if_modified_since == 784111777_000000
    assert preconditions({b"if-modified-since": b"yesterday"}, reading=True).if_modified_since is None


def test_no_condition_costs_nothing() -> None:
    assert preconditions({b"accept": b"*/*"}, reading=True) is NO_PRECONDITIONS
    assert prefer({}) is NO_PREFERENCE


@pytest.mark.parametrize(
    ("value", "returns", "lenient"),
    [
        (b"return=minimal", "minimal", False),
        (b"return=OperationOutcome", "OperationOutcome", False),
        (b'return="representation"; handling=lenient', "representation", True),
        (b"handling=strict, respond-async", None, False),
        (b"return=everything", None, False),
    ],
)
def test_prefer_is_read_and_the_unknown_ignored(value: bytes, returns: str | None, lenient: bool) -> None:
    found = prefer({b"prefer": value})
    assert (found.returns, found.lenient) == (returns, lenient)


@pytest.mark.parametrize(("value", "kept"), [(b"abc-1.2:3_4", True), (b"a b", False), (b"x" * 65, False), (b"", False)])
def test_a_clients_request_id_is_taken_when_it_is_fit_for_a_log(value: bytes, kept: bool) -> None:
    assert (own_request_id({b"x-request-id": value}) is not None) is kept
