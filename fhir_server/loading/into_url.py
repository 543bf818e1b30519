"""Feeding any FHIR server over HTTP, without ever guessing.

When the connection is lost after a request went out, nobody here knows whether it was applied. What may be applied
twice without harm (puts, deletes, posts with If-None-Exist) is sent again; anything else is reported as in doubt.
Nothing is remembered between runs: the other server's store is not ours to keep records in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any

import httpx

from fhir_server.errors import Refusal
from fhir_server.loading.entries import Item, Json, size, whole
from fhir_server.loading.report import SHOWN, FileReport, Moved, Stopped, reason
from fhir_server.loading.sources import NotFhir, Source, read
from fhir_server.model.fhir_json import encode, parse

GROUP = 200
TRIES = 4
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
TOO_MANY = 429
UNKNOWN = (502, 504)
NOT_NOW = (503, *UNKNOWN)
TIMEOUT = httpx.Timeout(10.0, read=600.0)


class Doubt(Exception):
    """It went out, and no answer says what became of it."""


class Refused(Exception):
    """The server answered that it did not do it."""


@dataclass(slots=True)
class Feeder:
    """Sends Bundles to the FHIR server at `base`; `pause` waits before another try."""

    client: httpx.Client
    base: str
    pause: Callable[[float], None] = time.sleep

    def send(self, bundle: Json) -> list[Any]:
        """Return the answers to a Bundle's entries.

        Raises Refused, Doubt, or one of NEVER_SENT when the server cannot be reached.
        """
        body = encode(bundle)
        repeatable = all(_repeatable(entry) for entry in bundle.get("entry", []))
        attempt = 0
        while True:
            attempt += 1
            last = attempt == TRIES
            try:
                answer = self.client.post(self.base, content=body)
            except NEVER_SENT:
                if last:
                    raise
            except httpx.RequestError as error:
                if last or not repeatable:
                    raise Doubt(f"the connection was lost after sending ({type(error).__name__})") from error
            else:
                again = answer.status_code == TOO_MANY or (repeatable and answer.status_code in NOT_NOW)
                if last or not again:
                    return _answers(answer, size(bundle))
            self.pause(2.0 ** (attempt - 1))


def client(token: str | None) -> httpx.Client:
    """Return an HTTP client for FHIR, with a bearer token if there is one."""
    headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json", "Prefer": "return=minimal"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.Client(headers=headers, timeout=TIMEOUT)


def into_url(feeder: Feeder, source: Source, moved: Moved) -> FileReport:
    """Send one file and return what became of it. Raises Stopped when the server cannot be reached."""
    report = FileReport(source.path)
    try:
        with ExitStack() as open_files:
            content = read(source, open_files)
            if content.whole is not None:
                _send(feeder, whole(content.whole), None, report)
                moved(report.entries, 0)
            while items := list(islice(content.items, GROUP)):
                before = report.entries
                _send_group(feeder, items, report)
                moved(report.entries - before, content.position())
    except NotFhir as error:
        report.set_aside(str(error), named=source.named)
    except Refusal as refusal:
        report.fail(None, reason(refusal.issues), entries=0)
    return report


def _send_group(feeder: Feeder, items: Sequence[Item], report: FileReport) -> None:
    """Send entries that stand alone as a batch."""
    entries, places = [], []
    for item in items:
        if not item.size:
            continue
        try:
            entries.append(item.entry())
            places.append(item.index)
        except Refusal as refusal:
            report.entries += 1
            report.fail(item.index, reason(refusal.issues, alone=True))
    if entries:
        _send(feeder, {"resourceType": "Bundle", "type": "batch", "entry": entries}, places, report)


def _send(feeder: Feeder, bundle: Json, places: Sequence[int] | None, report: FileReport) -> None:
    """Send a Bundle and count its answers; `places` are its entries' indexes in the file, None is the file whole."""
    entries = bundle.get("entry", [])
    report.entries += len(entries)
    first = places[0] if places else None
    try:
        answers = feeder.send(bundle)
    except Doubt as doubt:
        report.doubt(first, f"unknown whether it was applied: {doubt}; look there before sending again", len(entries))
    except Refused as refused:
        report.fail(first, f"refused: {refused}", len(entries))
    except NEVER_SENT as error:
        report.failed += len(entries)
        raise Stopped(report, f"not sent: {feeder.base} cannot be reached ({error})") from error
    else:
        for place, entry, answer in zip(places or range(len(entries)), entries, answers, strict=True):
            _count(entry, answer, place, report)


def _count(entry: Json, answer: Any, place: int, report: FileReport) -> None:
    response = answer.get("response") if isinstance(answer, dict) else None
    status = str(response.get("status", "")) if isinstance(response, dict) else ""
    if status.startswith("2"):
        report.count(entry["request"]["method"], created=status.startswith("201"))
    elif status and isinstance(response, dict):
        report.fail(place, _said(response.get("outcome"), status))
    else:
        report.doubt(place, "unknown whether it was applied: the answer does not speak of it", 1)


def _answers(answer: httpx.Response, entries: int) -> list[Any]:
    """Return the entries of the Bundle that answers one of `entries` entries."""
    try:
        body = parse(answer.content) if answer.content else None
    except Refusal:
        body = None
    if answer.is_success:
        answers = body.get("entry", []) if isinstance(body, dict) else None
        if not isinstance(answers, list) or len(answers) != entries:
            raise Doubt(f"it answered {answer.status_code}, but not with one answer for each entry")
        return answers
    if answer.status_code in UNKNOWN:
        raise Doubt(f"a gateway answered {answer.status_code}")
    raise Refused(_said(body, f"{answer.status_code} {answer.reason_phrase}"))


def _said(outcome: Any, status: str) -> str:
    """Return what an OperationOutcome says, in one line behind the status."""
    issues = outcome.get("issue") if isinstance(outcome, dict) else None
    told = []
    for issue in issues if isinstance(issues, list) else []:
        details = issue.get("details") if isinstance(issue, dict) else None
        text = details.get("text") if isinstance(details, dict) else None
        told.append(str((isinstance(issue, dict) and issue.get("diagnostics")) or text or "no reason given"))
    more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    return f"{status}: {'; '.join(told[:SHOWN] + more)}" if told else status


def _repeatable(entry: Json) -> bool:
    """Whether applying the entry twice leaves what applying it once does."""
    request = entry.get("request", {})
    if request.get("ifMatch"):
        return False
    return request.get("method") in ("PUT", "DELETE") or bool(request.get("ifNoneExist"))
