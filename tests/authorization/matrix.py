"""What every caller is answered about every type by every interaction, against a table that the definitions give.

403: the type is not in scope. 404: not within reach, or, in answer to a write of what may be read, 403 again. A caller
who chooses no ids is answered 405 to a PUT of an id that is not there or not theirs.
"""

from __future__ import annotations

from typing import Any, Protocol

from profiles.definitions import resource_types
from tests.authorization import expected
from tests.authorization.clinic import BY_PATIENT, CALLERS, PATIENTS
from tests.authorization.expected import Reach
from tests.fakes.asking import Answer
from tests.fakes.bare import bare

EVERY = [(who, type) for who in CALLERS for type in resource_types()]
KEPT = [(who, type) for who, type in EVERY if type != "AuditEvent"]
"""What is kept as resources; AuditEvents are told from the trail, and only whose they are is asked here."""
OF_PATIENTS = sorted(BY_PATIENT - {"Patient", "AuditEvent"})
"""Types of the record that somebody writes about a patient."""
SEMANTIC = expected.DEFINITIONS | {"Questionnaire", "ActivityDefinition", "PlanDefinition"}
"""Types whose least resource a further rule of this server may refuse: 422 is as good as a success there."""


class Asks(Protocol):
    """A server to ask, in whatever way its requests come to it."""

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Return the answer to one request; the keys of `headers` have underscores for hyphens."""
        ...


def about(type: str) -> tuple[str, ...]:
    return PATIENTS if type in BY_PATIENT else ("x",)


def reached(reach: Reach, patient: str) -> bool:
    return reach == "all" or (reach == "a" and patient == "a")


def seen(reach: Reach, patient: str) -> int:
    return 403 if reach == "out" else 200 if reached(reach, patient) else 404


def check_reading(server: Asks, who: str, type: str) -> None:
    reach = expected.reading(who, type)
    for id in about(type):
        status = seen(reach, id)
        assert server.ask(who, "GET", f"{type}/{id}").status == status
        assert server.ask(who, "GET", f"{type}/{id}/_history/1").status == status
        assert server.ask(who, "GET", f"{type}/{id}/_history").status == status
        assert server.ask(who, "HEAD", f"{type}/{id}").status == status
        assert server.ask(who, "GET", f"{type}/{id}?_summary=text").status == status


def check_searching(server: Asks, who: str, type: str) -> None:
    reach = expected.reading(who, type)
    ids = [id for id in about(type) if reached(reach, id)]
    named = f"_id={','.join(about(type))}"
    if type == "Binary" and who != "system":
        reach = "out"  # what is found by its id alone is not searched for
    for path in (f"{type}?{named}", f"?_type={type}&{named}", f"{type}?{named}&_sort=-_lastUpdated"):
        answer = server.ask(who, "GET", path)
        assert answer.status == (403 if reach == "out" else 200), path
        if reach != "out":
            assert sorted(answer.ids) == sorted(f"{type}/{id}" for id in ids)
            assert answer.json["total"] == len(ids)
    count = server.ask(who, "GET", f"{type}?{named}&_summary=count")
    assert count.status == 403 if reach == "out" else count.json["total"] == len(ids)
    history = server.ask(who, "GET", f"{type}/_history?_count=1000")
    assert history.status == (403 if reach == "out" else 200)
    if reach != "out":
        shown = {each for each in history.ids if each.partition("/")[2] in about(type)}
        assert shown == {f"{type}/{id}" for id in ids}
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": f"{type}?{named}"}}],
    }
    answer = server.ask(who, "POST", "", batch)
    assert answer.json["entry"][0]["response"]["status"][:3] == ("403" if reach == "out" else "200")


def check_creating(server: Asks, who: str, type: str) -> None:
    reach = expected.creating(who, type)
    for patient in about(type):
        resource = bare(type, patient)
        resource.pop("id", None)
        allowed = reached(reach, patient)
        answer = server.ask(who, "POST", type, resource)
        assert answer.status in ((201, 422) if allowed and type in SEMANTIC else (201,) if allowed else (403,))
        conditional = server.ask(who, "POST", type, resource, if_none_exist="_id=nothing-has-this")
        searches = expected.reading(who, type) != "out" and not (type == "Binary" and who not in ("system",))
        assert (conditional.status in (201, 422)) is (allowed and searches)
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [{"resource": resource, "request": {"method": "POST", "url": type}}],
        }
        assert (server.ask(who, "POST", "", bundle).status in (200, 422)) is allowed


def check_changing(server: Asks, who: str, type: str) -> None:
    reads, reach = expected.reading(who, type), expected.updating(who, type)
    ids = who in ("admin", "system", "narrow")
    for patient in about(type):
        id = patient if type == "Patient" else f"{patient}-{who}-update"
        if reach == "out":
            refused = 405 if type == "AuditEvent" else 403
        else:
            refused = 403 if reached(reads, patient) else 404 if ids else 405
        allowed = reached(reach, patient)
        put = server.ask(who, "PUT", f"{type}/{id}", bare(type, patient, id))
        assert put.status in ((200, 422) if allowed and type in SEMANTIC else (200,) if allowed else (refused,))
        if type != "Patient":
            id = f"{patient}-{who}-patch"
        change = [{"op": "add", "path": "/language", "value": "fr"}]
        patched = server.ask(who, "PATCH", f"{type}/{id}", change)
        hidden = 404 if refused == 405 and type != "AuditEvent" else refused
        assert patched.status in ((200, 422) if allowed and type in SEMANTIC else (200,) if allowed else (hidden,))


def check_changing_what_a_patient_wrote(server: Asks, type: str) -> None:
    """Every form of update by patient a of what they wrote, what others wrote, and what is about patient b."""
    for id in ("a-by-patient", "a-related-update", "b-by-patient"):
        patient = id[0]
        reach = expected.updating("patient", type, wrote=id.endswith("by-patient"))
        allowed = reached(reach, patient)
        shown = reached(expected.reading("patient", type), patient) or (type == "Binary" and id == "b-by-patient")
        put, patch = (200, 200) if allowed else (403, 403) if shown or reach == "out" else (405, 404)
        body = bare(type, patient, id)
        change = [{"op": "add", "path": "/language", "value": "fr"}]
        assert server.ask("patient", "PATCH", f"{type}/{id}", change).status == patch, id
        assert server.ask("patient", "PUT", f"{type}/{id}", body).status == put, id
        inside = {"resource": body, "request": {"method": "PUT", "url": f"{type}/{id}"}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [inside]}
        assert server.ask("patient", "POST", "", bundle).status == put, id
        found = server.ask("patient", "PUT", f"{type}?_id={id}", body).status
        # What one may not search, or does not find and may not choose the id of, is refused all the same.
        assert found == (403 if type == "Binary" else put), id
        if allowed:
            assert server.ask("patient", "PUT", f"{type}/{id}", bare(type, "b", id)).status == 403


def check_deleting(server: Asks, who: str, type: str) -> None:
    reads, reach = expected.reading(who, type), expected.deleting(who, type)
    for patient in about(type):
        id = "nobody" if type == "Patient" else f"{patient}-{who}-delete"
        if reach == "out":
            refused = 405 if type == "AuditEvent" else 403
        else:
            refused = 403 if reached(reads, patient) and type != "Patient" else 404
        assert server.ask(who, "DELETE", f"{type}/{id}").status == (204 if reached(reach, patient) else refused)
        if who in ("patient", "related") and type != "AuditEvent":
            conditional = server.ask(who, "DELETE", f"{type}?_id={id}").status
            assert conditional in ((204,) if reached(reach, patient) else (204, 403))


def check_choosing_an_id(server: Asks, who: str, type: str) -> None:
    """PUT of an id that nobody has: only who may choose ids is told anything but that they may not."""
    reach = expected.updating(who, type)
    id = f"new-{who}"
    put = server.ask(who, "PUT", f"{type}/{id}", bare(type, "a", id) | {"id": id}).status
    if reach == "out":
        assert put == 403
    elif who not in ("admin", "system", "narrow"):
        assert put == 405
    else:
        assert put in (201, 422, 403)


def check_trail(server: Asks, who: str) -> None:
    out = expected.reading(who, "AuditEvent") == "out"
    assert server.ask(who, "GET", "AuditEvent?_count=1").status == (403 if out else 200)
    assert server.ask(who, "GET", "AuditEvent/none").status == (403 if out else 404)


def check_history(server: Asks, who: str) -> None:
    shown = server.ask(who, "GET", "_history?_count=1000").ids
    for each in shown:
        type, _, id = each.partition("/")
        if id in about(type):
            assert reached(expected.reading(who, type), id), each
