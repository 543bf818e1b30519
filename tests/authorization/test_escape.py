"""Ways out of a compartment that other servers have left open: each with the answer it must get.

The caller is patient a, or an app with a narrow scope; patient b has an observation that points to a, and a one to b.
"""

from __future__ import annotations

import pytest

from tests.authorization.clinic import team
from tests.authorization.two_records import CODES, HIDDEN, PRIVACY, Json, alike, fresh, server
from tests.fakes.asking import Asking
from tests.fakes.callers import breaking_glass, caller, doctor, patient
from tests.fakes.server import bundle_of, entry, identified, observation

__all__ = ["fresh", "server"]


def test_direct_reads_of_others_are_those_of_what_never_was(server: Asking) -> None:
    assert alike(server, "a", "GET", *HIDDEN).status == 404
    for path in ("Observation/{}", "Observation/{}/_history"):
        paths = [path.format(id) for id in ("of-b", "nothin")]
        assert server.ask("a", "GET", paths[0]).status == server.ask("a", "GET", paths[1]).status == 404
    assert alike(server, "a", "GET", *HIDDEN, if_none_match='W/"1"').status == 404
    assert alike(server, "a", "GET", *HIDDEN, if_modified_since="Wed, 21 Oct 2099 07:28:00 GMT").status == 404
    assert alike(server, "a", "HEAD", *HIDDEN).status == 404
    for answer in (server.ask("a", "GET", path) for path in HIDDEN):
        assert not {"etag", "last-modified", "location", "content-location"} & answer.headers.keys()


def test_writes_to_others_are_those_to_what_never_was(server: Asking) -> None:
    def body(id: str) -> Json:
        return {"resourceType": "Patient", "id": id}

    assert alike(server, "a", "PUT", *HIDDEN, body=body).status == 405
    assert alike(server, "a", "PUT", *HIDDEN, body=body, if_match='W/"1"').status == 405
    assert alike(server, "a", "PUT", *HIDDEN, body=body, if_none_match="*").status == 405
    assert alike(server, "a", "PATCH", *HIDDEN, body=[{"op": "add", "path": "/active", "value": True}]).status == 404
    assert alike(server, "a", "DELETE", "Observation/of-b", "Observation/of-n").status == 404
    assert server.ask("owner", "GET", "Observation/of-b").headers["etag"] == 'W/"1"'


@pytest.mark.parametrize(
    "query",
    [
        "Observation?_include=Observation:focus",
        "Observation?_include=Observation:focus:Patient",
        "Observation?_include=*",
        "Observation?_include=Observation:*",
        "Observation?_include:iterate=Patient:link",
        "Observation?_include:iterate=*",
        "Patient?_revinclude=*",
        "Patient?_revinclude:iterate=*",
        "Observation?_include=Observation:subject&_include:iterate=Patient:link",
        "Patient?_revinclude=Observation:focus",
        "Patient?_revinclude:iterate=Observation:*",
        "Patient?_revinclude=Observation:performer",
        "Patient?_revinclude=CareTeam:participant",
        "Patient?_revinclude=Provenance:agent",
    ],
)
def test_what_is_included_is_within_reach(server: Asking, query: str) -> None:
    answer = server.ask("a", "GET", query)
    assert answer.status == 200
    assert answer.ids
    assert not {"Patient/b", "Observation/of-b", "CareTeam/t", "Provenance/v", "Observation/given"} & set(answer.ids)


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("Observation?focus:Patient.birthdate=1990-01-01", 0),
        ("Observation?subject.birthdate=1990-01-01", 0),
        ("Observation?subject.birthdate=1970-01-01", 2),
        ("Observation?focus:Patient.family=Bb", 0),
        ("Patient?link:Patient.family=Bb", 0),
        ("Patient?_has:Observation:focus:status=final", 0),
        ("Patient?_has:Observation:performer:status=final", 0),
        ("Patient?_has:CareTeam:participant:status=active", 0),
        ("Observation?_filter=subject.birthdate eq 1990-01-01", 0),
        ("Observation?_list=l", 0),
        ("Observation?patient=http://example.org/fhir/Patient/b", 0),
        ("Observation?subject=Patient/b", 0),
        ("Observation?performer=Patient/a", 0),
        ("Patient?identifier=urn:s|B", 0),
        ("Patient?_id=b", 0),
        ("Patient/b/Observation?status=final", 0),
        ("Patient/b/Condition", 0),
        # Patient a itself, which is linked to b, and so in b's compartment.
        ("Patient/b/*", 1),
        ("Patient?_total=accurate", 1),
        ("Patient?_summary=count", 1),
        ("Observation?subject:missing=false&_total=accurate", 2),
        ("Device?_id=of-b", 0),
        ("RelatedPerson?_total=accurate", 0),
        ("?_type=Patient,Observation&_total=accurate", 3),
    ],
)
def test_nothing_of_others_is_found_or_counted(server: Asking, query: str, total: int) -> None:
    answer = server.ask("a", "GET", query.replace(" ", "%20"))
    if answer.status == 403:
        assert "List" in answer.body.decode() or "Group" in answer.body.decode()
        return
    assert answer.status == 200, answer.body
    assert answer.json["total"] == total
    assert '"1990-01-01"' not in answer.body.decode()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("Observation?performer:Practitioner.name=x", "Practitioner"),
        ("Observation?subject.birthdate=1990", "Patient"),
        ("Observation?_include=Observation:subject:Patient", "Patient"),
        ("Observation?_revinclude=Provenance:target", "Provenance"),
        ("Observation?_has:Provenance:target:agent=Patient/a", "Provenance"),
        ("Observation?_list=l", "List"),
        ("?_type=Observation,Patient", "Patient"),
        ("Patient?_has:Observation:patient:code=x", "Patient"),
        ("Patient", "Patient"),
        ("Patient/_history", "Patient"),
        ("Patient/a", "Patient"),
    ],
)
def test_a_type_that_is_not_in_scope_is_refused_by_name_on_every_hop(server: Asking, query: str, named: str) -> None:
    answer = server.ask("narrow", "GET", query)
    assert answer.status == 403
    assert named in answer.json["issue"][0]["diagnostics"]


def test_sorting_and_missing_tell_nothing_of_others(server: Asking) -> None:
    for query in ("_sort=subject", "_sort=-_lastUpdated", "performer:missing=true", "_sort=code,-date"):
        assert "of-b" not in server.ask("a", "GET", f"Observation?{query}").body.decode()


def test_a_version_is_shown_while_it_and_the_current_one_are_within_reach(server: Asking) -> None:
    assert server.ask("a", "GET", "Observation/moved").status == 200
    assert server.ask("a", "GET", "Observation/moved/_history/2").status == 200
    assert server.ask("a", "GET", "Observation/moved/_history/1").status == 404
    assert len(server.ask("a", "GET", "Observation/moved/_history").json["entry"]) == 1
    assert server.ask("a", "GET", "Observation/given/_history/1").status == 404
    assert server.ask("a", "GET", "Observation/given/_history").status == 404
    for path in ("_history", "Observation/_history"):
        assert "Observation/given" not in server.ask("a", "GET", f"{path}?_count=100").ids


def test_the_page_of_another_caller_shows_only_ones_own(server: Asking) -> None:
    first = server.ask("owner", "GET", "Observation?_count=1").json
    (link,) = [each["url"] for each in first["link"] if each["relation"] == "next"]
    path = link.removeprefix("http://example.org/fhir/")
    found, seen = server.ask("a", "GET", path), set()
    while found.status == 200:
        seen |= set(found.ids)
        following = [each["url"] for each in found.json["link"] if each["relation"] == "next"]
        if not following:
            break
        found = server.ask("a", "GET", following[0].removeprefix("http://example.org/fhir/"))
    assert seen <= {"Observation/of-a", "Observation/moved"}


def test_links_memberships_and_lists_lead_nowhere(server: Asking) -> None:
    for path in ("Group/g", "Person/p"):
        assert server.ask("a", "GET", path).status == 403
    for path in ("List/l", "RelatedPerson/r", "CareTeam/t", "Provenance/v", "Device/of-b", "DocumentReference/x"):
        assert server.ask("a", "GET", path).status == 404


def test_a_binary_is_read_by_its_context_never_by_its_id_alone(server: Asking) -> None:
    assert server.ask("a", "GET", "Binary/a").status == 200
    for path in ("Binary/b", "Binary/lone"):
        assert server.ask("a", "GET", path).status == 404
        assert server.ask("a", "GET", path, accept="text/plain").status == 404


def test_definitions_are_not_written_by_whoever_they_decide_about(server: Asking) -> None:
    server.named("all", doctor("d", scopes="user/*.cruds"))
    server.named("client", caller("system", "x", scopes="system/*.cruds"))
    for who in ("a", "d", "all", "client"):
        for type in ("SearchParameter", "StructureDefinition", "CompartmentDefinition"):
            assert server.ask(who, "POST", type, {"resourceType": type}).status == 403
        assert server.ask(who, "POST", "$install-package", {"resourceType": "Binary"}).status == 403
        assert server.ask(who, "POST", "$reindex").status == 403
        assert server.ask(who, "GET", "Observation?_explain=true").status == 403


def test_writing_into_another_record_is_refused_and_leaves_nothing(fresh: Asking) -> None:
    other = observation("Patient/b")
    assert fresh.ask("a", "POST", "Observation", other).status == 403
    move = [{"op": "replace", "path": "/subject/reference", "value": "Patient/b"}]
    assert fresh.ask("a", "PATCH", "Observation/of-a", move).status == 403
    assert fresh.ask("a", "PUT", "Observation/of-a", observation("Patient/b", "of-a")).status == 403
    assert fresh.ask("a", "PUT", "Patient/new", {"resourceType": "Patient", "id": "new"}).status == 405
    allowed = entry("POST", "Observation", observation("Patient/a"))
    reads = [entry("GET", path) for path in ("Patient/b", "Group/g")]
    for forbidden in (entry("POST", "Observation", other), *reads, entry("DELETE", "Observation/of-b")):
        answer = fresh.ask("a", "POST", "", bundle_of(allowed, forbidden))
        assert answer.status in (403, 404)
        assert fresh.ask("a", "GET", "Observation?_summary=count").json["total"] == 2
    batch = fresh.ask("a", "POST", "", bundle_of(allowed, entry("GET", "Patient/b"), type="batch")).json
    assert [each["response"]["status"][:3] for each in batch["entry"]] == ["404", "201"] or [
        each["response"]["status"][:3] for each in batch["entry"]
    ] == ["201", "404"]


def test_conditions_see_only_what_their_caller_sees(fresh: Asking) -> None:
    body = observation("Patient/a", identifier=[{"system": "urn:s", "value": "o"}])
    fresh.ask("owner", "POST", "Observation", body | {"subject": {"reference": "Patient/b"}})
    created = fresh.ask("a", "POST", "Observation", body, if_none_exist="identifier=urn:s|o")
    assert created.status == 201
    for value in ("B", "nobody"):
        put = fresh.ask("a", "PUT", f"Patient?identifier=urn:s|{value}", identified(value))
        assert put.status == 403
        patch = [{"op": "add", "path": "/active", "value": True}]
        assert fresh.ask("a", "PATCH", f"Patient?identifier=urn:s|{value}", patch).status == 404
        assert fresh.ask("a", "DELETE", f"Observation?subject:Patient.identifier=urn:s|{value}").status == 204
        reference = observation(f"Patient?identifier=urn:s|{value}")
        assert fresh.ask("a", "POST", "", bundle_of(entry("POST", "Observation", reference))).status == 412
    assert fresh.ask("owner", "GET", "Observation/of-b").status == 200


def test_nobody_squats_on_an_id(fresh: Asking) -> None:
    later = {"resourceType": "Patient", "id": "b-later"}
    assert fresh.ask("a", "PUT", "Patient/b-later", later).status == 405
    assert fresh.ask("a", "PUT", "Observation/chosen", observation("Patient/a", "chosen")).status == 405
    inside = bundle_of(entry("PUT", "Observation/chosen", observation("Patient/a", "chosen")))
    assert fresh.ask("a", "POST", "", inside).status == 405
    assert fresh.ask("owner", "PUT", "Patient/b-later", later).status == 201


def test_what_the_audit_trail_holds_is_nobodys_to_change(fresh: Asking) -> None:
    event = {
        "resourceType": "AuditEvent",
        "id": "e",
        "type": {"code": "rest"},
        "recorded": "2024-01-01T00:00:00Z",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "x"}},
    }
    fresh.ask("owner", "PUT", "AuditEvent/e", event)
    fresh.named("admin", caller("admin", "x"))
    fresh.named("client", caller("system", "x", scopes="system/*.cruds"))
    for who in ("a", "d", "admin", "client"):
        assert fresh.ask(who, "DELETE", "AuditEvent/e").status == 405
        assert fresh.ask(who, "PUT", "AuditEvent/e", event).status == 405
        assert fresh.ask(who, "PATCH", "AuditEvent/e", [{"op": "remove", "path": "/source"}]).status == 405
        assert fresh.ask(who, "POST", "AuditEvent", event).status == 403
    assert fresh.ask("admin", "GET", "AuditEvent/e").status == 200
    assert fresh.ask("a", "GET", "AuditEvent/e").status == 404


def test_what_the_server_sets_is_not_taken_from_a_body(fresh: Asking) -> None:
    mine = observation("Patient/a") | {"id": "x", "meta": {"versionId": "99", "lastUpdated": "1999-01-01T00:00:00Z"}}
    made = fresh.ask("a", "POST", "Observation", mine).json
    assert made["id"] != "x"
    assert (made["meta"]["versionId"], made["meta"]["lastUpdated"][:4]) == ("1", "2025")
    other = observation("Patient/a", "another")
    assert fresh.ask("a", "PUT", "Observation/of-a", other).status == 400
    within = {"resourceType": "Patient", "id": "p", "meta": {"versionId": "1"}}
    inside = observation("Patient/a") | {"contained": [within]}
    assert fresh.ask("a", "POST", "Observation", inside).status == 422


def test_a_professional_grants_nothing_to_themselves_over_http(fresh: Asking) -> None:
    body = team("mine", "d")
    appointment = {
        "resourceType": "Appointment",
        "status": "proposed",
        "participant": [
            {"actor": {"reference": f"{each}"}, "status": "accepted"} for each in ("Patient/a", "Practitioner/d")
        ],
    }
    recipient = [{"role": {"text": "r"}, "reference": {"reference": "Practitioner/d"}}]
    consent = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [PRIVACY]},
        "category": [{"text": "x"}],
        "patient": {"reference": "Patient/a"},
        "policyRule": {"text": "x"},
        "provision": {"type": "permit", "actor": recipient},
    }
    for resource in (body, appointment, consent):
        type = resource["resourceType"]
        without = {name: value for name, value in resource.items() if name != "id"}
        assert fresh.ask("d", "POST", type, without).status == 403
        assert fresh.ask("d", "PUT", f"{type}/mine", without | {"id": "mine"}).status in (403, 405)
        assert fresh.ask("d", "POST", type, without, if_none_exist="_id=none").status == 403
        assert fresh.ask("d", "PUT", f"{type}?_id=none", without).status == 403
        for entries in ([entry("POST", type, without)], [entry("POST", type, without), entry("GET", "Patient/a")]):
            assert fresh.ask("d", "POST", "", bundle_of(*entries)).status in (403, 404)
        assert fresh.ask("d", "GET", "Patient/a").status == 404
    fresh.named("glass", breaking_glass("d", "a"))
    assert fresh.ask("glass", "GET", "Patient/a").status == 200
    assert fresh.ask("glass", "DELETE", "Observation/of-a").status == 403
    assert fresh.ask("d", "GET", "Patient/a").status == 404


def test_a_granular_scope_filters_every_interaction(fresh: Asking) -> None:
    lab = observation("Patient/a", "lab", category=[{"coding": CODES}])
    fresh.ask("owner", "PUT", "Observation/lab", lab)
    scopes = "patient/Observation.cruds?category=laboratory patient/Patient.rs"
    fresh.named("app", patient("a", scopes=scopes, patient="a"))
    assert fresh.ask("app", "GET", "Observation/lab").status == 200
    assert fresh.ask("app", "GET", "Observation/of-a").status == 404
    assert fresh.ask("app", "GET", "Observation?_total=accurate").ids == ["Observation/lab"]
    assert fresh.ask("app", "GET", "Observation/lab/_history/1").status == 200
    assert "Observation/of-a" not in fresh.ask("app", "GET", "Patient?_revinclude=Observation:subject").ids
    assert fresh.ask("app", "GET", "Patient?_has:Observation:subject:status=final").json["total"] == 1
    plain = {name: value for name, value in lab.items() if name not in ("id", "category")}
    assert fresh.ask("app", "POST", "Observation", plain).status == 403
    assert fresh.ask("app", "PATCH", "Observation/lab", [{"op": "remove", "path": "/category"}]).status == 403
    assert fresh.ask("app", "POST", "Observation", plain | {"category": [{"coding": CODES}]}).status == 201
    fresh.named("lost", patient("a", scopes="patient/Observation.rs"))
    assert fresh.ask("lost", "GET", "Observation/lab").status == 403
