"""A contained resource as a match of its own."""

from __future__ import annotations

from fhir_server.interactions.contained import contained


def test_it_is_taken_out_by_its_place_with_numbers_as_they_were_written() -> None:
    body = b'{"resourceType":"List","contained":[{"resourceType":"Basic"},{"resourceType":"Basic","id":"b","n":1.50}]}'
    assert contained(body, 0) == (None, b'{"resourceType":"Basic"}')
    assert contained(body, 1) == ("b", b'{"resourceType":"Basic","id":"b","n":1.50}')
