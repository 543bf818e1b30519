"""What patient a observes is the same whether there is data of patient b or not.

Two servers get the same resources of a and of nobody; one of them gets some of b as well, before, between and after,
changes and deletes them. Then the same questions are asked of both, by a, by an app of a's and by a doctor who takes
care of a alone: reads and writes in random forms, pages followed. Everything that comes back must be equal: status,
headers, body. Left out are the date and request id, times and positions of commits, and ids the server makes.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.asking import Answer, Asking
from tests.fakes.callers import doctor, patient
from tests.properties.two_patients import Json, question, resource

WORLDS = 20
QUESTIONS = 60
EXERCISED: Counter[str] = Counter()

HEADERS = frozenset(("x-request-id", "date", "last-modified", "content-length"))
_VARYING = re.compile(
    r'"(lastUpdated|timestamp)":"[^"]*"|_cursor=[^"&]*|new-\d+|"(?:recorded|issued)":"[^"]*"|W/\\?"\d+\\?"(?=,"lastModified")'
    r'|"[0-9a-f]{10}-[0-9a-f]+"'
    r"|AuditEvent/\d+(\.\d+)?|\"AuditEvent\",\"id\":\"\d+(\.\d+)?\""
)
APP = "patient/Observation.rs?code=http://c|x patient/Patient.r patient/DocumentReference.rs patient/Binary.r"
PAGES = 4
FIRST = {0: "Patient", 1: "Observation", 2: "Appointment"}
"""What there is of a in every world."""
MET = {
    *("GET 200", "GET 404", "GET 403", "PUT 405", "PUT 200", "POST 201", "POST 403"),
    *("PATCH 404", "PATCH 403", "DELETE 403", "next page"),
}
"""Answers that there must have been, so that the questions are not all refused alike."""


def observed(answer: Answer) -> tuple[Any, ...]:
    """Return what a caller sees of an answer, less what two servers may differ in."""
    headers = {name: _VARYING.sub("?", value) for name, value in answer.headers.items() if name not in HEADERS}
    return answer.status, headers, _VARYING.sub("?", answer.body.decode())


def compare(seed: int) -> None:
    random = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("alone", "beside")]
        for path in paths:
            path.mkdir()
        alone, beside = (Asking.on_file(path) for path in paths)
        try:
            _ask_both(random, alone, beside)
        finally:
            alone.close()
            beside.close()


def _ask_both(random: Random, alone: Asking, beside: Asking) -> None:
    servers = (alone, beside)
    for server in servers:
        server.named("a", patient("a"))
        server.named("app", patient("a", scopes=APP, patient="a"))
        server.named("doctor", doctor("d"))
        server.ask("owner", "PUT", "Practitioner/d", {"resourceType": "Practitioner", "id": "d"})
        server.ask("owner", "PUT", "CareTeam/care", CARE)
    for number in range(14):
        own = _without_binaries_of_b(resource(random, "a", number, FIRST.get(number, "")))
        for server in servers:
            _put(server, own)
        _change(random, beside, number)
    for number in range(QUESTIONS):
        who, (method, path, body, headers) = random.choice(("a", "a", "app", "doctor")), question(random)
        paths = [path, path]
        for server in servers:
            # Events of the same moment are in the order of their commits, which a read does not wait for.
            server.clock.advance(1)
        for _ in range(PAGES):
            answers = [
                server.ask(who, method, each, body, **headers) for server, each in zip(servers, paths, strict=True)
            ]
            assert observed(answers[0]) == observed(answers[1]), (who, method, path, body, headers)
            EXERCISED[f"{method} {answers[0].status}"] += 1
            following = [_next(answer) for answer in answers] if method == "GET" else [None, None]
            if None in following:
                break
            paths = [each or "" for each in following]
            EXERCISED["next page"] += 1
        if number % 8 == 7:
            _change(random, beside, number)


CARE = {
    "resourceType": "CareTeam",
    "id": "care",
    "status": "active",
    "subject": {"reference": "Patient/a"},
    "participant": [{"member": {"reference": "Practitioner/d"}}],
}


def _without_binaries_of_b(made: Json) -> Json:
    """A Binary that a's own document names is a's as well, whoever brought it."""
    for each in made.get("content", ()):
        each["attachment"]["url"] = each["attachment"]["url"].replace("Binary/bin-b", "Binary/bin-a")
    return made


def _put(server: Asking, made: Json) -> None:
    server.ask("owner", "PUT", f"{made['resourceType']}/{made['id']}", made)


def _change(random: Random, server: Asking, number: int) -> None:
    """Do something with what b has: write it, write it again in another way, take it away."""
    theirs = resource(random, "b", number)
    if theirs["resourceType"] == "Organization":
        return
    _put(server, theirs)
    if random.random() < 0.3:
        _put(server, resource(random, "b", number, theirs["resourceType"]))
    if random.random() < 0.2 and theirs["resourceType"] != "Patient":
        server.ask("owner", "DELETE", f"{theirs['resourceType']}/{theirs['id']}")


def _next(answer: Answer) -> str | None:
    """Return the path of the page that follows, as this server calls it."""
    if answer.status != 200 or not answer.body or answer.json.get("resourceType") != "Bundle":
        return None
    links = {each["relation"]: each["url"] for each in answer.json.get("link", ())}
    return links["next"].removeprefix("http://example.org/fhir").lstrip("/") if "next" in links else None


@settings(max_examples=WORLDS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def interferes(seed: int) -> None:
    compare(seed)


def test_the_data_of_others_makes_no_difference(capsys: Any) -> None:
    EXERCISED.clear()
    interferes()
    with capsys.disabled():
        counts = (f"{name}: {count}" for name, count in sorted(EXERCISED.items()))
        print("\nnon-interference:", ", ".join(counts))  # noqa: T201
    assert set(EXERCISED) >= MET
