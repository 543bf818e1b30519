"""Every exception has its answer."""

from __future__ import annotations

import logging

import pytest

from fhir_server import errors
from fhir_server.errors import Refusal, StoreUnavailable
from fhir_server.http.outcome import STATUS, outcome, status_of
from fhir_server.store.base import CursorExpired, RecordConflict, VersionConflict


def descendants(kind: type[Refusal]) -> set[type[Refusal]]:
    found = set(kind.__subclasses__())
    return found | {each for child in found for each in descendants(child)}


def test_every_refusal_of_the_errors_module_has_its_own_row() -> None:
    own = {kind for kind in descendants(Refusal) if kind.__module__ == errors.__name__}
    assert own == set(STATUS)
    assert all(kind.status == STATUS[kind] for kind in own)


def test_a_refusal_defined_elsewhere_has_the_status_of_its_ancestor() -> None:
    class Special(errors.Gone):
        pass

    assert status_of(Special) == 410


@pytest.mark.parametrize(
    ("error", "status"),
    [(CursorExpired("x"), 410), (VersionConflict("x"), 409), (RecordConflict("x"), 409), (TimeoutError(), 503)],
)
def test_what_the_store_and_the_clock_raise_is_told_in_words(error: Exception, status: int) -> None:
    told = outcome(error, "r1")
    assert told.status == status
    assert told.issues[0].message != "x"


def test_a_fault_is_logged_by_its_place_and_never_by_its_text(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("Zoé Martin, born 1990")
    except ValueError as error:
        with caplog.at_level(logging.ERROR):
            told = outcome(error, "request-7")
    assert told.status == 500
    assert "request-7" in told.issues[0].message
    (record,) = caplog.records
    assert record.__dict__["error"] == "ValueError"
    assert "test_outcome.py" in record.__dict__["at"]
    assert "Martin" not in str(record.__dict__) + told.issues[0].message


def test_a_store_that_cannot_be_used_is_logged_by_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise StoreUnavailable("see the server's log") from OSError("Zoé Martin")
    except StoreUnavailable as error:
        with caplog.at_level(logging.ERROR):
            told = outcome(error, "request-8")
    assert told.status == 503
    (record,) = caplog.records
    assert (record.message, record.__dict__["error"]) == ("unavailable", "OSError")
    assert "Martin" not in str(record.__dict__)
