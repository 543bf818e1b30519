"""The answer to what is no HTTP request."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from fhir_server.http.unreadable import Fault, unreadable

STATUS = {"url": b"414 ", "method": b"400 ", "other": b"400 "}
CODES = {"url": "too-long", "method": "not-supported", "other": "structure"}


@pytest.mark.parametrize("fault", get_args(Fault))
def test_it_is_a_whole_response_with_an_operation_outcome(fault: Fault) -> None:
    head, _, body = unreadable(fault).partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    assert line.startswith(b"HTTP/1.1 " + STATUS[fault])
    told = dict(header.split(b": ", 1) for header in headers)
    assert told[b"content-type"] == b"application/fhir+json; charset=utf-8"
    assert int(told[b"content-length"]) == len(body)
    assert told[b"connection"] == b"close"
    outcome = json.loads(body)
    assert outcome["resourceType"] == "OperationOutcome"
    assert [each["code"] for each in outcome["issue"]] == [CODES[fault]]
