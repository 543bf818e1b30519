"""Bundle entries: which interaction a method and a URL ask for (http://hl7.org/fhir/R4/bundle.html)."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import BadRequest, NotFound, NotSupported, Refusal
from fhir_server.interactions.bundle import bundle
from fhir_server.interactions.entry import Address, address, interaction_of, read_entry, version_id
from tests.fakes.server import BASE, Server, bundle_of, entry, patient

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("method", "url", "interaction", "where"),
    [
        ("GET", "Patient/1", "read", Address("Patient", "1")),
        ("HEAD", "/Patient/1", "read", Address("Patient", "1")),
        ("GET", f"{BASE}/Patient/1", "read", Address("Patient", "1")),
        ("GET", "Patient/1/_history/2", "vread", Address("Patient", "1", "2", "_history")),
        ("GET", "Patient/1/_history", "history", Address("Patient", "1", tail="_history")),
        (
            "GET",
            "Patient/_history?_count=2",
            "history",
            Address("Patient", tail="_history", parameters=(("_count", "2"),)),
        ),
        ("GET", "_history", "history", Address(tail="_history")),
        ("GET", "Patient?name=a%20b&_format=json", "search", Address("Patient", parameters=(("name", "a b"),))),
        ("POST", "Patient/_search?name=x", "search", Address("Patient", tail="_search", parameters=(("name", "x"),))),
        ("GET", "?_type=Patient", "search", Address(parameters=(("_type", "Patient"),))),
        ("POST", "_search?_type=Patient", "search", Address(tail="_search", parameters=(("_type", "Patient"),))),
        (
            "GET",
            "Patient/1/Observation?code=x",
            "search",
            Address("Observation", parameters=(("code", "x"),), compartment=("Patient", "1")),
        ),
        ("HEAD", "Patient/1/*", "search", Address(compartment=("Patient", "1"))),
        (
            "POST",
            f"{BASE}/Device/1/Observation/_search",
            "search",
            Address("Observation", tail="_search", compartment=("Device", "1")),
        ),
        ("POST", "Patient/1/_search", "search", Address(tail="_search", compartment=("Patient", "1"))),
        ("GET", "metadata", "capabilities", Address(tail="metadata")),
        ("POST", "Patient", "create", Address("Patient")),
        ("PUT", "Patient/1", "update", Address("Patient", "1")),
        ("PUT", "Patient?identifier=a|b", "update", Address("Patient", parameters=(("identifier", "a|b"),))),
        ("PATCH", "Patient/1", "patch", Address("Patient", "1")),
        ("DELETE", "Patient?identifier=a", "delete", Address("Patient", parameters=(("identifier", "a"),))),
    ],
)
def test_a_method_and_a_url_are_an_interaction(method: str, url: str, interaction: str, where: Address) -> None:
    found = address(url, BASE, "url")
    assert found == where
    assert interaction_of(method, found, "url") == interaction


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "Patient/1"),
        ("PUT", "_history"),
        ("DELETE", "Patient/1/_history/1"),
        ("GET", "patient/1"),
        ("GET", "Patient/1/2/3/4"),
        ("GET", "http://elsewhere.org/fhir/Patient/1"),
        ("GET", "http://[bad"),
        ("POST", ""),
        ("POST", "Patient/1/Observation"),
        ("PUT", "Patient/1/Observation"),
        ("DELETE", "Patient/1/Observation?code=x"),
        ("GET", "Patient/1/Observation/_search"),
    ],
)
def test_anything_else_is_400(method: str, url: str) -> None:
    with pytest.raises(BadRequest):
        interaction_of(method, address(url, BASE, "url"), "url")


@pytest.mark.parametrize("url", ["Patient/1/Organization", "Observation/1/Patient", "Patient/1/*x"])
def test_what_a_compartment_does_not_hold_is_not_found(url: str) -> None:
    with pytest.raises(NotFound):
        address(url, BASE, "url")


def test_operations_are_refused_clearly() -> None:
    with pytest.raises(NotSupported, match="Operations"):
        interaction_of("POST", address("Patient/$match", BASE, "url"), "url")


@pytest.mark.parametrize(
    ("etag", "id"), [(None, None), ("*", "*"), ('W/"2"', "2"), ('"2"', "2"), ("2", "2"), (' W/"a.b" ', "a.b")]
)
def test_etags_are_read_with_and_without_their_marks(etag: str | None, id: str | None) -> None:
    assert version_id(etag) == id


async def test_the_conditions_of_an_entry_are_its_calls(server: Server) -> None:
    made = entry(
        "GET",
        "Patient/1",
        ifMatch='W/"1"',
        ifNoneMatch="*",
        ifNoneExist="identifier=1",
        ifModifiedSince="1970-01-01T00:00:01Z",
    )
    asked = read_entry(server.call(), made, 0).call.preconditions
    assert (asked.if_match, asked.if_none_match, asked.if_none_exist) == ("1", "*", "identifier=1")
    assert asked.if_modified_since == 1_000_000


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ({"resourceType": "Binary", "contentType": "text/plain", "data": "W10="}, 422),
        ({"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "W10"}, 400),
        (patient("1"), 415),
    ],
)
async def test_a_patch_in_an_entry_is_a_binary_or_parameters(server: Server, resource: Any, status: int) -> None:
    await server.put(patient("1"))
    refusal: Refusal = await server.bundle_refusal(entry("PATCH", "Patient/1", resource))
    assert refusal.status == status


@pytest.mark.parametrize(
    ("more", "expression"),
    [
        ({"fullurl": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"}, "Bundle.entry[0]"),
        ({"fullUrl": "not an address"}, "Bundle.entry[0].fullUrl"),
        ({"fullUrl": ""}, "Bundle.entry[0].fullUrl"),
        ({"request": {"method": "POST", "url": "Patient", "ifnoneexist": "a=b"}}, "Bundle.entry[0].request"),
        (
            {"request": {"method": "PUT", "url": "Patient/1", "ifNoneMatch": 'W/"1", W/"2"'}},
            "Bundle.entry[0].request.ifNoneMatch",
        ),
    ],
)
@pytest.mark.parametrize("type", ["batch", "transaction"])
async def test_what_no_entry_has_is_refused(server: Server, more: Any, expression: str, type: str) -> None:
    made = entry("POST", "Patient", patient()) | more
    if type == "transaction":
        assert (await server.bundle_refusal(made)).issues[0].expression == expression
    else:
        (answer,) = await server.bundle(made, type="batch")
        assert answer["response"]["outcome"]["issue"][0]["expression"] == [expression]


async def test_what_no_bundle_has_is_refused(server: Server) -> None:
    body = bundle_of(entry("POST", "Patient", patient())) | {"entrys": []}
    with pytest.raises(BadRequest, match="Bundle"):
        await bundle(server.call(resource=body))
    assert await server.services.store.counts() == {}


async def test_a_read_in_an_entry_may_know_several_versions(server: Server) -> None:
    await server.put(patient("1"))
    (answer,) = await server.bundle(entry("GET", "Patient/1", ifNoneMatch='W/"7", W/"1"'))
    assert answer["response"]["status"][:3] == "304"
