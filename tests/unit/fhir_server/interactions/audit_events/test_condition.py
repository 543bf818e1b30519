"""Conditions on the trail agree with what a search of the projected AuditEvents, indexed like any, would find."""

from __future__ import annotations

import random

import pytest

from fhir_server.errors import BadRequest
from fhir_server.interactions.audit_events.condition import PARAMETERS, condition, newest_first
from fhir_server.interactions.audit_events.kinds import KINDS
from fhir_server.interactions.audit_events.project import id_of, project
from fhir_server.search.extract import Extractor
from fhir_server.search.match import Candidate, World, match
from fhir_server.search.parameters import Registry
from fhir_server.search.parse import Search, parse
from fhir_server.store.audit import AuditEvent, AuditRow, facts, holds

BASE = "http://example.org/fhir"
START = 1_700_000_000_000_000
REGISTRY = Registry()
EXTRACTOR = Extractor(REGISTRY)
TARGETS = ("Patient/1", "Patient/2/_history/3", "Observation/7", "Observation", "Patient/1/Observation", "")
ACTORS = ("Practitioner/1", "Patient/1", "anonymous", "Client/x", "Person/4")
PREFIXES = ("", "ne", "gt", "lt", "ge", "le", "sa", "eb")
QUERIES: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    *((("action", letter),) for letter in "CRUDEx"),
    (("action", "R,U"),),
    (("action", "http://hl7.org/fhir/audit-event-action|R"),),
    (("action", "http://example.org|R"),),
    (("action", "http://hl7.org/fhir/audit-event-action|"),),
    (("action:not", "R"),),
    *((("outcome", code),) for code in ("0", "4", "8", "12", "3")),
    (("outcome:not", "0"),),
    (("outcome", "http://hl7.org/fhir/audit-event-outcome|4"),),
    *((("subtype", code),) for code in ("read", "operation", "110122", "nothing")),
    (("type", "rest"),),
    (("type", "http://dicom.nema.org/resources/ontology/DCM|110100"),),
    (("type", "http://dicom.nema.org/resources/ontology/DCM|"),),
    (("type:not", "rest"), ("action", "E")),
    (("patient", "1"),),
    (("patient", "Patient/1,Patient/3"),),
    (("patient", "http://other.example/Patient/1"),),
    (("patient", f"{BASE}/Patient/2"), ("action", "R")),
    (("agent", "Practitioner/1"),),
    (("agent:Patient", "1"),),
    (("agent", "Person/4"),),
    (("entity", "Observation/7"),),
    (("entity", "Patient/1"),),
    (("entity", "Patient/2,Observation/7"), ("outcome", "0")),
    (("_id", "3,4.1,x,900"),),
    (("_filter", "action eq R and not (outcome eq 0)"),),
    *((("date", f"{prefix}2023-11-14T22:13:2{n}Z"),) for prefix in PREFIXES for n in (0, 5)),
    *((("date", f"{prefix}2023-11-14T22:13:24.500500Z"),) for prefix in PREFIXES),
    *((("_lastUpdated", f"{prefix}2023-11-14T22:13:24.5Z"),) for prefix in PREFIXES),
    (("date", "ge2023-11-14T22:13:22Z"), ("date", "lt2023-11-14T22:13:27.250Z")),
)  # fmt: skip


def read(query: tuple[tuple[str, str], ...], *, compartment: tuple[str, str] | None = None) -> Search:
    return parse("AuditEvent", query, REGISTRY, base=BASE, now=START, compartment=compartment)


def rows() -> list[AuditRow]:
    made = random.Random(3)
    return [
        AuditRow(
            time=START + made.randrange(0, 10_000_000, 125_125),
            actor=made.choice(ACTORS),
            action=made.choice((*KINDS, "$validate", "curious")),
            target=made.choice(TARGETS),
            status=made.choice((200, 201, 400, 403, 500, 503, 507)),
            request="r",
            patients=tuple(made.sample(("1", "2", "3"), made.randrange(4))),
        )
        for _ in range(400)
    ]


ROWS = list(enumerate(rows(), 1))
EVENTS = [(event, row) for seq, row in ROWS for event in facts(seq, row)]
CANDIDATES = []
for event, row in EVENTS:
    resource = project(AuditEvent(event.seq, event.n, row), BASE)
    entries = EXTRACTOR.entries(resource, base=BASE)
    owners = EXTRACTOR.owners(resource, entries)
    CANDIDATES.append(Candidate("AuditEvent", id_of(event.seq, event.n), event.time, "", owners, (), entries))


class Nobody(World):
    """A world where nothing else exists."""

    def one(self, type: str, id: str) -> None:
        return None

    def all(self, type: str) -> tuple[Candidate, ...]:
        return ()


@pytest.mark.parametrize("query", QUERIES, ids=str)
@pytest.mark.parametrize("compartment", [None, ("Patient", "1"), ("Practitioner", "1"), ("Device", "1")], ids=str)
def test_a_condition_finds_what_the_resources_say(
    query: tuple[tuple[str, str], ...], compartment: tuple[str, str] | None
) -> None:
    where = read(query, compartment=compartment).where
    held = condition(where)
    found = [each.id for each in CANDIDATES if match(where, each, Nobody())]
    assert [id_of(event.seq, event.n) for event, _ in EVENTS if holds(held, event)] == found


def test_the_queries_find_something_and_not_everything() -> None:
    sizes = [sum(holds(condition(read(query).where), event) for event, _ in EVENTS) for query in QUERIES]
    assert sum(0 < size < len(EVENTS) for size in sizes) > 40


@pytest.mark.parametrize(
    "query",
    [
        ("address", "192.0.2.7"),
        ("agent-name", "x"),
        ("agent:identifier", "a|b"),
        ("patient.name", "x"),
        ("entity-type", "1"),
        ("policy", "urn:x"),
        ("source", "Device/1"),
        ("date:missing", "true"),
        ("agent:missing", "false"),
        ("_tag", "a|b"),
        ("_profile", "http://x"),
        ("_text", "x"),
        ("_has:Provenance:entity:agent", "Practitioner/1"),
        ("entity", "Patient/1/_history/2"),
    ],
    ids=str,
)
def test_what_the_trail_cannot_be_asked_for_is_refused_by_name(query: tuple[str, str]) -> None:
    with pytest.raises(BadRequest) as caught:
        condition(read((query,)).where)
    assert caught.value.issues[0].code == "not-supported"
    assert all(name in str(caught.value) for name in PARAMETERS)


def test_the_order_is_that_of_time() -> None:
    assert newest_first(read(()).sort)
    assert newest_first(read((("_sort", "-date"),)).sort)
    assert not newest_first(read((("_sort", "date"),)).sort)
    assert newest_first(read((("_sort", "-_lastUpdated"),)).sort)
    for sort in ("action", "date,_id", "-agent"):
        with pytest.raises(BadRequest, match="_sort=-date"):
            newest_first(read((("_sort", sort),)).sort)
