"""Searches over several types and in compartments (http://hl7.org/fhir/R4/http.html#search)."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Principal
from profiles.restriction import InCompartment
from tests.fakes.rights import limited_to
from tests.fakes.server import BASE, Server, content, entry, observation, patient

pytestmark = pytest.mark.anyio

PATIENT_1 = ("Patient", "1")


@pytest.fixture
async def filled(server: Server) -> Server:
    """Return a server with two patients, an observation of each, and an organization."""
    for id in ("1", "2"):
        await server.put(patient(id))
        await server.put(observation(f"Patient/{id}", f"of-{id}"))
    await server.put({"resourceType": "Organization", "id": "1", "name": "Clinic"})
    return server


def found(bundle: dict[str, Any]) -> set[str]:
    return {each["fullUrl"].removeprefix(f"{BASE}/") for each in bundle.get("entry", [])}


def url(bundle: dict[str, Any], relation: str) -> str:
    return next(str(each["url"]) for each in bundle["link"] if each["relation"] == relation)


async def search(server: Server, path: str = "", *query: tuple[str, str], **given: Any) -> dict[str, Any]:
    return content(await server.do("search", path, query=query, **given))


async def test_all_types_are_searched_at_the_base(filled: Server) -> None:
    bundle = await search(filled)
    assert found(bundle) == {"Patient/1", "Patient/2", "Observation/of-1", "Observation/of-2", "Organization/1"}
    assert bundle["total"] == 5
    assert url(bundle, "self") == BASE
    assert found(await search(filled, "", ("_id", "1"))) == {"Patient/1", "Organization/1"}


async def test_type_says_which(filled: Server) -> None:
    bundle = await search(filled, "", ("_id", "1"), ("_type", "Organization,Observation"))
    assert found(bundle) == {"Organization/1"}
    assert url(bundle, "self") == f"{BASE}?_id=1&_type=Organization,Observation"


async def test_several_types_share_a_walk(filled: Server) -> None:
    seen: list[str] = []
    query: tuple[tuple[str, str], ...] = (("_type", "Patient,Observation"), ("_count", "3"))
    bundle = await search(filled, "", *query)
    seen += found(bundle)
    following = url(bundle, "next")
    assert following.startswith(f"{BASE}?_type=Patient,Observation&_count=3&_cursor=")
    cursor = following.rpartition("=")[2]
    seen += found(await search(filled, "", *query, ("_cursor", cursor)))
    assert sorted(seen) == ["Observation/of-1", "Observation/of-2", "Patient/1", "Patient/2"]


@pytest.mark.parametrize(
    "query",
    [("_type", "Nothing"), ("_type", "patient"), ("identifier", "1"), ("_type", "Patient,")],
)
async def test_what_not_every_type_has_is_refused_by_name(server: Server, query: tuple[str, str]) -> None:
    refusal = await server.refusal("search", query=[query])
    assert isinstance(refusal, BadRequest)
    assert refusal.issues[0].expression == query[0]


async def test_a_compartment_narrows_a_search(filled: Server) -> None:
    bundle = await search(filled, "Observation", ("status", "final"), compartment=PATIENT_1)
    assert found(bundle) == {"Observation/of-1"}
    assert url(bundle, "self") == f"{BASE}/Patient/1/Observation?status=final"
    everything = await search(filled, compartment=PATIENT_1)
    assert found(everything) == {"Observation/of-1", "Patient/1"}
    assert url(everything, "self") == f"{BASE}/Patient/1/*"
    assert found(await search(filled, "", ("_type", "Patient"), compartment=PATIENT_1)) == {"Patient/1"}
    number = await search(filled, "", ("_summary", "count"), compartment=PATIENT_1)
    assert number["total"] == 2


async def test_a_type_outside_of_the_compartment_is_refused(filled: Server) -> None:
    refusal = await filled.refusal("search", query=[("_type", "Organization")], compartment=PATIENT_1)
    assert isinstance(refusal, BadRequest)
    assert refusal.issues[0].expression == "_type"


async def test_a_cursor_does_not_go_with_another_compartment(filled: Server) -> None:
    bundle = await search(filled, "", ("_count", "1"), compartment=PATIENT_1)
    cursor = url(bundle, "next").rpartition("=")[2]
    query = [("_count", "1"), ("_cursor", cursor)]
    assert isinstance(await filled.refusal("search", query=query, compartment=("Patient", "2")), BadRequest)
    assert len(found(await search(filled, "", *query, compartment=PATIENT_1))) == 1


async def test_what_is_not_allowed_is_on_no_level(filled: Server) -> None:
    filled.principal = Principal("two", limited_to(InCompartment("Patient", "2")))
    assert found(await search(filled)) == {"Patient/2", "Observation/of-2"}
    bundle = await search(filled, "Observation", compartment=PATIENT_1)
    assert (found(bundle), bundle["total"]) == (set(), 0)


async def test_the_audit_row_names_the_place_the_patients_and_no_values(filled: Server) -> None:
    await search(filled, "Observation", ("code:text", "secret"), ("status", "final"), compartment=PATIENT_1)
    await search(filled, "Observation", compartment=PATIENT_1)
    empty, row = (await filled.audit_rows())[-2:]
    assert (empty.action, empty.target, empty.patients) == ("search", "Patient/1/Observation", ())
    assert empty.details == {"parameters": ["code:text", "status"], "matches": 0}
    assert (row.target, row.patients) == ("Patient/1/Observation", ("1",))


@pytest.mark.parametrize("type", ["batch", "transaction"])
async def test_bundles_search_on_every_level(filled: Server, type: str) -> None:
    answers = await filled.bundle(
        entry("GET", "Patient/1/Observation?status=final"),
        entry("GET", "Patient/2/*"),
        entry("GET", "?_type=Organization"),
        entry("POST", "Patient/1/_search?_type=Patient"),
        type=type,
    )
    assert [found(each["resource"]) for each in answers] == [
        {"Observation/of-1"},
        {"Observation/of-2", "Patient/2"},
        {"Organization/1"},
        {"Patient/1"},
    ]


async def test_a_parameter_without_a_value_is_ignored(server: Server) -> None:
    await server.put(patient("1"))
    bundle = await search(server, "", ("_type", ""), ("_summary", ""), ("_id", "1"))
    assert found(bundle) == {"Patient/1"}
    assert url(bundle, "self") == f"{BASE}?_id=1"
