"""Feeding another server: counting answers, and doubt where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhir_server.loading.into_url import Feeder, into_url
from fhir_server.loading.report import FileReport, Stopped
from fhir_server.loading.sources import find

Handler = Callable[[httpx.Request], httpx.Response]
POST = {"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}}
PUT = {"resource": {"resourceType": "Patient", "id": "a"}, "request": {"method": "PUT", "url": "Patient/a"}}
ONCE = {**POST, "request": {**POST["request"], "ifNoneExist": "identifier=x"}}


def feed(tmp_path: Path, handler: Handler, kind: str, *entries: dict[str, Any]) -> FileReport:
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}))
    client = httpx.Client(transport=httpx.MockTransport(handler))
    return into_url(Feeder(client, "http://there.example/fhir", lambda _: None), find([path])[0], lambda *_: None)


def answering(*statuses: str) -> httpx.Response:
    entries = [{"response": {"status": status}} for status in statuses]
    return httpx.Response(200, json={"resourceType": "Bundle", "type": "batch-response", "entry": entries})


class Server:
    """Gives its answers one after the other; an exception among them is raised."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


LOST = httpx.ReadError("gone")


def test_a_transaction_is_sent_as_it_is_and_its_answers_are_counted(tmp_path: Path) -> None:
    server = Server(answering("201 Created", "200 OK", "200 OK"))
    report = feed(tmp_path, server, "transaction", POST, PUT, ONCE)
    assert server.bodies == [{"resourceType": "Bundle", "type": "transaction", "entry": [POST, PUT, ONCE]}]
    assert (report.entries, report.created, report.updated, report.skipped, report.failed) == (3, 1, 1, 1, 0)
    assert report.complete


def test_lines_go_as_batches_and_a_refused_line_is_named_with_the_servers_reason(tmp_path: Path) -> None:
    path = tmp_path / "lines.ndjson"
    path.write_text('\n{"resourceType":"Patient","id":"a"}\n{"resourceType":"Patient","id":"b"}\n')
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": "birthDate is odd"}]}
    entries = [{"response": {"status": "201"}}, {"response": {"status": "422 Unprocessable", "outcome": outcome}}]
    server = Server(httpx.Response(200, json={"resourceType": "Bundle", "entry": entries}))
    client = httpx.Client(transport=httpx.MockTransport(server))
    report = into_url(Feeder(client, "http://there.example/fhir"), find([path])[0], lambda *_: None)
    assert server.bodies[0]["type"] == "batch"
    assert [entry["request"]["url"] for entry in server.bodies[0]["entry"]] == ["Patient/a", "Patient/b"]
    assert (report.created, report.failed) == (1, 1)
    assert [(f.entry, f.reason) for f in report.failures] == [(2, "422 Unprocessable: birthDate is odd")]


@pytest.mark.parametrize("end", [LOST, httpx.ReadTimeout("late"), httpx.DecodingError("garbled")])
def test_a_post_whose_answer_is_lost_is_in_doubt_and_never_sent_again(tmp_path: Path, end: Exception) -> None:
    server = Server(end)
    report = feed(tmp_path, server, "transaction", POST, PUT)
    assert len(server.bodies) == 1
    assert (report.doubtful, report.created, report.failed) == (2, 0, 0)
    assert "unknown whether it was applied" in report.failures[0].reason
    assert not report.complete


@pytest.mark.parametrize("entry", [PUT, ONCE, {"request": {"method": "DELETE", "url": "Patient/a"}}])
def test_what_may_be_applied_twice_is_sent_again(tmp_path: Path, entry: dict[str, Any]) -> None:
    server = Server(LOST, answering("200 OK"))
    report = feed(tmp_path, server, "transaction", entry)
    assert len(server.bodies) == 2
    assert report.complete


def test_a_put_with_if_match_is_not_sent_again(tmp_path: Path) -> None:
    server = Server(LOST)
    guarded = {**PUT, "request": {**PUT["request"], "ifMatch": 'W/"1"'}}
    assert feed(tmp_path, server, "transaction", guarded).doubtful == 1


def test_doubt_remains_when_every_try_is_lost(tmp_path: Path) -> None:
    server = Server(*[httpx.ReadError("gone") for _ in range(4)])
    assert feed(tmp_path, server, "transaction", PUT).doubtful == 1
    assert server.answers == []


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateways_word_is_doubt_for_a_post(tmp_path: Path, status: int) -> None:
    server = Server(httpx.Response(status))
    report = feed(tmp_path, server, "transaction", POST)
    assert (report.doubtful, len(server.bodies)) == (1, 1)


def test_too_many_requests_means_not_done_so_it_is_sent_again(tmp_path: Path) -> None:
    server = Server(httpx.Response(429), answering("201 Created"))
    assert feed(tmp_path, server, "transaction", POST).created == 1


def test_a_refused_transaction_fails_with_all_its_entries(tmp_path: Path) -> None:
    outcome = {"issue": [{"diagnostics": "no such type"}, "junk", {"details": {"text": "see above"}}]}
    report = feed(tmp_path, Server(httpx.Response(422, json=outcome)), "transaction", POST, PUT)
    assert (report.failed, report.doubtful) == (2, 0)
    assert "no such type; no reason given; see above" in report.failures[0].reason


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json={"entry": []})])
def test_a_success_that_does_not_speak_of_every_entry_is_doubt(tmp_path: Path, answer: httpx.Response) -> None:
    assert feed(tmp_path, Server(answer), "transaction", POST).doubtful == 1


def test_a_server_that_cannot_be_reached_stops_the_load_with_nothing_sent(tmp_path: Path) -> None:
    server = Server(*[httpx.ConnectError("refused") for _ in range(4)])
    with pytest.raises(Stopped) as stopped:
        feed(tmp_path, server, "transaction", POST)
    report = stopped.value.report
    assert (report.entries, report.failed, report.doubtful) == (1, 1, 0)
    assert [f.reason for f in report.failures] == ["not sent: http://there.example/fhir cannot be reached (refused)"]
