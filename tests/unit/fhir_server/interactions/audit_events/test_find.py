"""Who opened a record, asked as FHIR: pages, totals, restrictions, refusals, and what stands beside the own trail."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth.rights import EVERYTHING, limited
from fhir_server.errors import BadRequest, Forbidden, Gone, MethodNotAllowed, NotFound
from fhir_server.interactions.audit_events.external import CODE, SYSTEM, TAG
from fhir_server.interactions.call import Principal, Result
from profiles.restriction import ALL, About, AnyOf, InCompartment, WrittenBy
from tests.fakes.rights import limited_to
from tests.fakes.server import Server, content, entry, observation, patient

pytestmark = pytest.mark.anyio
ANN = Principal("Patient/ann", limited_to(InCompartment("Patient", "ann")))
Json = dict[str, Any]


@pytest.fixture
async def opened(server: Server) -> Server:
    """Return a server on which records of ann and ben were written, read, searched and asked for in vain."""
    await server.bundle(
        entry("PUT", "Patient/ann", patient("ann")),
        entry("PUT", "Patient/ben", patient("ben")),
        entry("PUT", "Observation/of-ann", observation("Patient/ann", "of-ann")),
    )
    server.principal = Principal("Practitioner/dan", EVERYTHING)
    await server.do("read", "Patient/ann")
    await server.do("search", "Patient")
    await server.do("read", "Observation/of-ann")
    await server.do("read", "Patient/ben")
    return server


def events(result: Result) -> list[Json]:
    return [each["resource"] for each in content(result).get("entry", []) if each["search"]["mode"] == "match"]


def told(event: Json) -> tuple[str, list[str]]:
    """Return what an event is: its interaction, and the patients it names."""
    return event["subtype"][0]["code"], [e["what"]["reference"] for e in event["entity"] if e["type"]["code"] == "1"]


async def test_who_opened_a_record_newest_first(opened: Server) -> None:
    found = events(await opened.do("search", "AuditEvent", query=[("patient", "Patient/ann")]))
    assert [told(each) for each in found] == [
        ("read", ["Patient/ann"]),
        ("search", ["Patient/ann"]),
        ("read", ["Patient/ann"]),
        ("transaction", ["Patient/ann"]),
    ]
    assert {agent["who"].get("reference") for agent in found[0]["agent"]} == {None, "Practitioner/dan"}


async def test_the_compartment_of_the_patient_holds_the_same(opened: Server) -> None:
    asked = await opened.do("search", "AuditEvent", query=[("patient", "ann")])
    inside = await opened.do("search", "AuditEvent", compartment=("Patient", "ann"))
    # The second search finds the first, too.
    assert events(inside)[1:] == events(asked)


async def test_a_patient_sees_what_was_done_to_the_own_record_and_nothing_of_others(opened: Server) -> None:
    opened.principal = ANN
    found = events(await opened.do("search", "AuditEvent"))
    assert [told(each)[0] for each in found] == ["read", "search", "read", "transaction"]
    assert "ben" not in str(found)
    assert events(await opened.do("search", "AuditEvent", query=[("patient", "ben")])) == []
    count = content(await opened.do("search", "AuditEvent", query=[("patient", "ben"), ("_summary", "count")]))
    assert count["total"] == 0
    opened.principal = Principal("x", limited_to(About("ben")))
    others = events(await opened.do("search", "AuditEvent"))
    opened.principal = ANN
    for each in others:
        if told(each)[1] == ["Patient/ben"]:
            assert isinstance(await opened.refusal("read", f"AuditEvent/{each['id']}"), NotFound)


async def test_a_doctor_sees_the_own_acts(opened: Server) -> None:
    opened.principal = Principal("Practitioner/dan", limited_to(AnyOf((WrittenBy("Practitioner/dan"),))))
    found = events(await opened.do("search", "AuditEvent", query=[("action", "R")]))
    assert [told(each) for each in found] == [
        ("read", ["Patient/ben"]),
        ("read", ["Patient/ann"]),
        ("read", ["Patient/ann"]),
    ]


async def test_who_has_no_right_to_the_trail_is_told_so(opened: Server) -> None:
    opened.principal = Principal("Practitioner/dan", limited(ALL, ("Patient",)))
    assert isinstance(await opened.refusal("search", "AuditEvent"), Forbidden)
    assert isinstance(await opened.refusal("read", "AuditEvent/1"), Forbidden)


async def test_an_event_is_read_by_the_id_it_was_found_with(opened: Server) -> None:
    for found in events(await opened.do("search", "AuditEvent")):
        result = await opened.do("read", f"AuditEvent/{found['id']}")
        assert (content(result), result.version) == (found, "1")
        assert content(await opened.do("vread", f"AuditEvent/{found['id']}/_history/1")) == found
        assert isinstance(await opened.refusal("history", f"AuditEvent/{found['id']}"), NotFound)
    for id in ("9999", "1.7", "1.0"):
        assert isinstance(await opened.refusal("read", f"AuditEvent/{id}"), NotFound)


async def test_pages_are_one_walk_whatever_comes_meanwhile(opened: Server) -> None:
    whole = events(await opened.do("search", "AuditEvent", query=[("_count", "1000")]))
    query, found = [("_count", "2"), ("_total", "accurate")], []
    while True:
        page = content(await opened.do("search", "AuditEvent", query=query))
        found += [each["resource"] for each in page["entry"]]
        links = {link["relation"]: link["url"] for link in page["link"]}
        if "next" not in links:
            break
        query = parse_qsl(urlsplit(links["next"]).query)
    # The search for all of them was about both patients.
    assert page["total"] == len(found) == len(whole) + 2
    assert found[2:] == whole
    opened.clock.now += 2 * 3_600_000_000
    assert isinstance(await opened.refusal("search", "AuditEvent", query=query), Gone)


async def test_a_part_of_each_and_the_number_alone(opened: Server) -> None:
    (event,) = events(await opened.do("search", "AuditEvent", query=[("_count", "1"), ("_elements", "action")]))
    assert event.keys() == {"resourceType", "id", "meta", "type", "action", "recorded", "agent", "source"}
    number = content(
        await opened.do("search", "AuditEvent", query=[("_summary", "count"), ("agent", "Practitioner/dan")])
    )
    assert number["total"] == 6
    assert "entry" not in number


async def test_a_search_of_the_trail_is_in_the_trail(opened: Server) -> None:
    await opened.do("search", "AuditEvent", query=[("patient", "ann")])
    last = (await opened.audit_rows())[-1]
    assert (last.action, last.target, last.patients) == ("search", "AuditEvent", ("ann",))


@pytest.mark.parametrize(
    ("type", "query"),
    [
        ("AuditEvent", ("_include", "AuditEvent:patient")),
        ("AuditEvent", ("_revinclude", "Provenance:entity")),
        ("AuditEvent", ("_explain", "true")),
        ("AuditEvent", ("_sort", "action")),
        ("AuditEvent", ("entity.name", "x")),
        ("Patient", ("_has:AuditEvent:patient:action", "R")),
        ("Patient", ("_revinclude", "AuditEvent:patient")),
        ("Provenance", ("entity:AuditEvent.action", "R")),
    ],
)  # fmt: skip
async def test_what_is_not_answered_is_refused_by_name(opened: Server, type: str, query: tuple[str, str]) -> None:
    refusal = await opened.refusal("search", type, query=[query])
    assert isinstance(refusal, BadRequest)
    assert refusal.issues[0].code == "not-supported"


EVENT: Json = {
    "resourceType": "AuditEvent",
    "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110100"},
    "recorded": "2024-01-01T00:00:00Z",
    "agent": [{"requestor": True}],
    "source": {"observer": {"display": "another system"}},
}


async def test_an_event_of_another_system_is_kept_apart_and_never_changed(server: Server) -> None:
    created = await server.do("create", "AuditEvent", resource=EVENT)
    assert created.location is not None
    path = "/".join(created.location.split("/")[:2])
    kept = await server.show(path)
    assert kept["meta"]["tag"] == [{"system": SYSTEM, "code": CODE}]
    assert {name: kept[name] for name in EVENT} == EVENT
    own = content(await server.do("search", "AuditEvent"))
    assert [each["search"]["mode"] for each in own["entry"]] == ["match", "match", "outcome"]
    assert TAG in own["entry"][-1]["resource"]["issue"][0]["diagnostics"]
    (other,) = events(await server.do("search", "AuditEvent", query=[("_tag", TAG)]))
    assert other == kept
    assert isinstance(await server.refusal("update", path, resource=kept), MethodNotAllowed)
    patch = b'[{"op":"replace","path":"/recorded","value":"2025-01-01T00:00:00Z"}]'
    for name in ("patch", "delete"):
        assert isinstance(await server.refusal(name, path, raw=patch), MethodNotAllowed)
        assert isinstance(await server.refusal(name, "AuditEvent/absent", raw=patch), MethodNotAllowed)
    assert await server.show(path) == kept


async def test_nobody_writes_what_passes_for_the_own_trail(server: Server) -> None:
    await server.put(patient("ann"))
    for id in ("1", "77", "1.1"):
        assert isinstance(
            await server.refusal("update", f"AuditEvent/{id}", resource=EVENT | {"id": id}), MethodNotAllowed
        )
    refusal = await server.bundle_refusal(entry("PUT", "AuditEvent/1", EVENT | {"id": "1"}))
    assert isinstance(refusal, MethodNotAllowed)
    refusal = await server.bundle_refusal(entry("DELETE", "AuditEvent/1"))
    assert isinstance(refusal, MethodNotAllowed)
    await server.put(EVENT | {"id": "from-outside"})
    refusal = await server.bundle_refusal(entry("PUT", "AuditEvent/from-outside", EVENT | {"id": "from-outside"}))
    assert isinstance(refusal, MethodNotAllowed)


@pytest.mark.parametrize("url", ["AuditEvent?patient=Patient/ann", "AuditEvent/1", "Patient/ann/AuditEvent"])
async def test_the_trail_is_not_read_inside_a_transaction(opened: Server, url: str) -> None:
    with pytest.raises(BadRequest, match="in a batch"):
        await opened.bundle(entry("GET", url))
