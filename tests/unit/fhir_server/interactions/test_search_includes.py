"""Pages with what belongs to their matches (http://hl7.org/fhir/R4/search.html#include)."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Principal
from profiles.restriction import ALL, AllOf, AnyOf, InCompartment, Matches, Not
from tests.fakes.rights import limited_to
from tests.fakes.server import BASE, Server, content, observation, patient

pytestmark = pytest.mark.anyio

SUBJECT = ("_include", "Observation:subject")


@pytest.fixture
async def filled(server: Server) -> Server:
    """Return a server with an observation of a patient whose practitioner is known, and what derives from it."""
    await server.put({"resourceType": "Practitioner", "id": "dr", "name": [{"family": "House"}]})
    await server.put(patient("1", generalPractitioner=[{"reference": "Practitioner/dr"}], birthDate="1970-01-01"))
    await server.put(observation("Patient/1", "o1"))
    await server.put(observation("Patient/1", "o2", derivedFrom=[{"reference": "Observation/o1"}]))
    await server.put(observation("Patient/1", "o3", derivedFrom=[{"reference": "Observation/o2"}]))
    return server


def found(bundle: dict[str, Any], mode: str = "include") -> list[str]:
    entries = [each for each in bundle.get("entry", []) if each["search"]["mode"] == mode]
    return [each["fullUrl"].removeprefix(f"{BASE}/") for each in entries]


def self_link(bundle: dict[str, Any]) -> str:
    return next(str(each["url"]) for each in bundle["link"] if each["relation"] == "self")


async def search(server: Server, path: str, *query: tuple[str, str]) -> dict[str, Any]:
    return content(await server.do("search", path, query=query))


async def test_what_a_match_points_to_comes_along(filled: Server) -> None:
    bundle = await search(filled, "Observation", ("_id", "o1,o2"), SUBJECT)
    assert found(bundle, "match") == ["Observation/o1", "Observation/o2"]
    assert found(bundle) == ["Patient/1"]
    assert bundle["total"] == 2
    assert self_link(bundle) == f"{BASE}/Observation?_id=o1,o2&_include=Observation:subject"


async def test_what_points_to_a_match_comes_along(filled: Server) -> None:
    bundle = await search(filled, "Patient", ("_id", "1"), ("_revinclude", "Observation:subject"))
    assert found(bundle, "match") == ["Patient/1"]
    assert set(found(bundle)) == {"Observation/o1", "Observation/o2", "Observation/o3"}


async def test_iterate_goes_on_from_what_was_added(filled: Server) -> None:
    further = ("_include:iterate", "Patient:general-practitioner")
    for query in ((SUBJECT, further), (further, SUBJECT)):
        bundle = await search(filled, "Observation", ("_id", "o1"), *query)
        assert found(bundle) == ["Patient/1", "Practitioner/dr"]


async def test_without_iterate_only_matches_lead_on(filled: Server) -> None:
    bundle = await search(filled, "Observation", ("_id", "o3"), ("_include", "Observation:derived-from"))
    assert found(bundle) == ["Observation/o2"]


async def test_circles_end_and_matches_are_not_repeated(filled: Server) -> None:
    both = (("_include:iterate", "Observation:derived-from"), ("_revinclude:iterate", "Observation:derived-from"))
    bundle = await search(filled, "Observation", ("_id", "o2"), *both)
    assert found(bundle, "match") == ["Observation/o2"]
    assert sorted(found(bundle)) == ["Observation/o1", "Observation/o3"]


async def test_a_reference_to_a_version_brings_that_version(filled: Server) -> None:
    await filled.put(patient("1", birthDate="1971-01-01"))
    await filled.put(observation("Patient/1/_history/1", "old"))
    bundle = await search(filled, "Observation", ("_id", "o1,old"), SUBJECT)
    included = [each["resource"] for each in bundle["entry"] if each["search"]["mode"] == "include"]
    assert sorted((each["meta"]["versionId"], each["birthDate"]) for each in included) == [
        ("1", "1970-01-01"),
        ("2", "1971-01-01"),
    ]


async def test_what_was_deleted_is_left_out(filled: Server) -> None:
    await filled.do("delete", "Patient/1")
    bundle = await search(filled, "Observation", ("_id", "o1"), SUBJECT)
    assert (found(bundle, "match"), found(bundle)) == (["Observation/o1"], [])


async def test_each_page_has_its_own(filled: Server) -> None:
    page = await search(filled, "Observation", ("_count", "2"), SUBJECT)
    assert found(page) == ["Patient/1"]
    cursor = next(each["url"] for each in page["link"] if each["relation"] == "next").rpartition("=")[2]
    last = await search(filled, "Observation", SUBJECT, ("_count", "2"), ("_cursor", cursor))
    assert (found(last, "match"), found(last)) == (["Observation/o3"], ["Patient/1"])


async def test_elements_are_those_of_the_matches_and_a_summary_is_everybodys(filled: Server) -> None:
    bundle = await search(filled, "Observation", ("_id", "o1"), SUBJECT, ("_elements", "status"))
    match, included = (each["resource"] for each in bundle["entry"])
    assert "subject" not in match
    assert included == await filled.show("Patient/1")
    bundle = await search(filled, "Observation", ("_id", "o1"), SUBJECT, ("_summary", "true"))
    match, included = (each["resource"] for each in bundle["entry"])
    assert [tag["code"] for each in (match, included) for tag in each["meta"]["tag"]] == ["SUBSETTED", "SUBSETTED"]


async def test_a_summary_of_text_excludes_includes(filled: Server) -> None:
    refusal = await filled.refusal("search", "Observation", query=[SUBJECT, ("_summary", "text")])
    assert isinstance(refusal, BadRequest)
    assert refusal.issues[0].expression == "_summary"


async def test_a_number_has_none(filled: Server) -> None:
    bundle = await search(filled, "Observation", SUBJECT, ("_summary", "count"))
    assert bundle["total"] == 3
    assert "entry" not in bundle
    assert self_link(bundle) == f"{BASE}/Observation?_summary=count"


async def test_what_is_cut_is_told(filled: Server) -> None:
    filled.limit(includes=2)
    bundle = await search(filled, "Patient", ("_id", "1"), ("_revinclude", "Observation:subject"))
    assert len(found(bundle)) == 2
    outcome = bundle["entry"][-1]
    assert outcome["search"] == {"mode": "outcome"}
    (issue,) = outcome["resource"]["issue"]
    assert (issue["severity"], issue["expression"]) == ("warning", ["_revinclude"])
    assert "Observation:subject" in issue["diagnostics"]


async def test_what_is_not_allowed_is_not_included(filled: Server) -> None:
    patients = AllOf((InCompartment("Patient", "1"), Not(Matches("Patient", (("birthdate", "1970"),)))))
    filled.principal = Principal("ann", limited_to(AnyOf((patients, Not(ALL)))))
    bundle = await search(filled, "Observation", ("_id", "o1"), SUBJECT)
    assert (found(bundle, "match"), found(bundle)) == (["Observation/o1"], [])


async def test_the_patients_of_what_is_included_are_in_the_audit_row(filled: Server) -> None:
    await search(filled, "Practitioner", ("_revinclude", "Patient:general-practitioner"))
    row = (await filled.audit_rows())[-1]
    assert row.patients == ("1",)
    assert row.details == {"parameters": ["_revinclude"], "matches": 1, "included": 1}
