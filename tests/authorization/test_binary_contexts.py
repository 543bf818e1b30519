"""A Binary is in the record that its context says: nobody puts one into another, and it stays there."""

from __future__ import annotations

from tests.authorization.two_records import fresh
from tests.fakes.asking import Asking

__all__ = ["fresh"]


def test_nobody_puts_a_binary_into_a_record_that_is_out_of_reach_or_learns_what_is_there(fresh: Asking) -> None:
    made = {"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="}
    for context, status in (
        ("Patient/b", 403),
        ("Patient/nobody", 403),
        ("Observation/of-b", 403),
        ("Observation/of-n", 403),
        ("Group/g", 403),
        ("Patient/a", 201),
        ("Observation/of-a", 201),
    ):
        answer = fresh.ask("a", "POST", "Binary", made | {"securityContext": {"reference": context}})
        assert answer.status == status, context
        refused = answer.json["issue"][0]["diagnostics"] if status == 403 else ""
        assert "of-b" not in refused
    shown = fresh.ask("b", "GET", "_history?_count=1000").ids
    assert [each for each in shown if each.startswith("Binary/")] == ["Binary/b"]


def test_a_binary_keeps_whom_it_is_about_when_it_is_indexed_anew(fresh: Asking) -> None:
    job = fresh.ask("owner", "POST", "$reindex?type=Binary").headers["content-location"]
    fresh.run_jobs()
    assert fresh.ask("owner", "GET", job.removeprefix("http://example.org/fhir/")).status == 200
    assert fresh.ask("a", "GET", "Binary/a").status == 200
    assert fresh.ask("b", "GET", "Binary/b").status == 200
    assert fresh.ask("a", "GET", "Binary/b").status == 404
