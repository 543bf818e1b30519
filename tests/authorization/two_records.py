"""Two patients' records that point to each other, on a server of its own: what there is to escape into.

The fixture `server` is one for all tests of a module that only ask, `fresh` one for a test that changes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.asking import Answer, Asking
from tests.fakes.callers import doctor, patient
from tests.fakes.server import identified, observation

Json = dict[str, Any]
PRIVACY = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
CODES = [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]


def made(type: str, id: str, **elements: Any) -> Json:
    return {"resourceType": type, "id": id, **elements}


def open_server(folder: Path) -> Asking:
    server = Asking.on_file(folder)
    b, a = {"reference": "Patient/b"}, {"reference": "Patient/a"}
    resources = [
        identified(
            "A", id="a", birthDate="1970-01-01", name=[{"family": "Aa"}], link=[{"other": b, "type": "seealso"}]
        ),
        identified("B", id="b", birthDate="1990-01-01", name=[{"family": "Bb"}]),
        observation("Patient/a", "of-a", focus=[b], performer=[{"reference": "Practitioner/d"}]),
        observation("Patient/b", "of-b", focus=[a], performer=[a]),
        {"resourceType": "Practitioner", "id": "d", "name": [{"family": "Doc"}]},
        {"resourceType": "Device", "id": "of-b", "patient": b},
        {
            "resourceType": "List",
            "id": "l",
            "status": "current",
            "mode": "working",
            "entry": [{"item": {"reference": "Observation/of-b"}}],
        },
        {
            "resourceType": "Group",
            "id": "g",
            "type": "person",
            "actual": True,
            "member": [{"entity": a}, {"entity": b}],
        },
        {"resourceType": "Person", "id": "p", "link": [{"target": a}, {"target": b}]},
        {"resourceType": "RelatedPerson", "id": "r", "patient": b},
        {"resourceType": "CareTeam", "id": "t", "status": "active", "subject": b, "participant": [{"member": a}]},
        made("Provenance", "v", target=[b], recorded="2024-01-01T00:00:00Z", agent=[{"who": a}]),
        made("DocumentReference", "x", status="current", subject=b, content=[{"attachment": {"url": "Binary/b"}}]),
        made("Binary", "b", contentType="text/plain", data="Yg==", securityContext=b),
        made("Binary", "a", contentType="text/plain", data="YQ==", securityContext={"reference": "Observation/of-a"}),
        made("Binary", "lone", contentType="text/plain", data="eA=="),
    ]
    for resource in resources:
        put = server.ask("owner", "PUT", f"{resource['resourceType']}/{resource['id']}", resource)
        assert put.status == 201, put.body
    moved = observation("Patient/b", "moved")
    for subject in ("Patient/b", "Patient/a"):
        server.ask("owner", "PUT", "Observation/moved", moved | {"subject": {"reference": subject}})
    for subject in ("Patient/a", "Patient/b"):
        server.ask("owner", "PUT", "Observation/given", observation(subject, "given"))
    server.named("a", patient("a"))
    server.named("b", patient("b"))
    server.named("narrow", patient("a", scopes="patient/Observation.rs", patient="a"))
    server.named("d", doctor("d"))
    return server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    found = open_server(tmp_path_factory.mktemp("records"))
    yield found
    found.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Asking]:
    found = open_server(tmp_path)
    yield found
    found.close()


def alike(server: Asking, who: str, method: str, *paths: str, body: Any = None, **headers: str) -> Answer:
    """Demand that the answers for all `paths` are the same but for the id; return the first."""
    answers = []
    for path in paths:
        sent = body(path.split("/")[1]) if callable(body) else body
        answer = server.ask(who, method, path, sent, **headers)
        text = answer.body.decode().replace(path, "PATH")
        kept = {k: v for k, v in answer.headers.items() if k not in ("x-request-id", "content-length", "date")}
        answers.append((answer.status, kept, text))
    assert all(each == answers[0] for each in answers), answers
    return answer


HIDDEN = ("Patient/b", "Patient/n")
