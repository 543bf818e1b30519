"""What a caller may not see does not exist for it, and cannot be changed by it."""

from __future__ import annotations

import pytest

from fhir_server.errors import Forbidden, NotFound, Unprocessable
from fhir_server.interactions.access import demand_plans, restriction_for
from fhir_server.interactions.call import ANONYMOUS, Preconditions, Principal
from profiles.restriction import ALL, InCompartment
from tests.fakes.server import Server, content, entry, identified, observation, patient

pytestmark = pytest.mark.anyio

OWN = Principal("ann", InCompartment("Patient", "ann"))


@pytest.fixture
async def limited(server: Server) -> Server:
    """Return a server whose caller sees the compartment of Patient/ann."""
    await server.put(patient("ann"))
    await server.put(identified("7", id="bob"))
    await server.put(observation("Patient/bob", "of-bob"))
    await server.put(observation("Patient/ann", "of-ann"))
    server.principal = OWN
    return server


async def test_the_restriction_is_the_principals(server: Server) -> None:
    assert restriction_for(server.call()) == ALL
    server.principal = OWN
    assert restriction_for(server.call()) == OWN.restriction


async def test_plans_are_for_who_may_see_them(server: Server) -> None:
    demand_plans(server.call())
    server.principal = OWN
    with pytest.raises(Forbidden):
        demand_plans(server.call())
    assert isinstance(await server.refusal("search", "Patient", query=[("_explain", "true")]), Forbidden)


async def test_reads_searches_and_histories_show_what_is_allowed(limited: Server) -> None:
    assert (await limited.do("read", "Observation/of-ann")).status == 200
    for name, path in (
        ("read", "Patient/bob"),
        ("vread", "Patient/bob/_history/1"),
        ("history", "Patient/bob"),
        ("patch", "Patient/bob"),
    ):
        assert isinstance(await limited.refusal(name, path, raw=b"[]"), NotFound), name
    found = content(await limited.do("search", "Observation"))
    assert [each["resource"]["id"] for each in found["entry"]] == ["of-ann"]
    assert found["total"] == 1
    assert len(content(await limited.do("history"))["entry"]) == 2


@pytest.mark.parametrize("name", ["update", "delete"])
async def test_what_is_hidden_cannot_be_changed(limited: Server, name: str) -> None:
    refusal = await limited.refusal(name, "Patient/bob", resource=patient("bob"))
    assert isinstance(refusal, NotFound)
    limited.principal = ANONYMOUS
    assert (await limited.show("Patient/bob"))["meta"]["versionId"] == "1"


async def test_nothing_can_be_written_outside_of_what_is_allowed(limited: Server) -> None:
    refusal = await limited.refusal("create", "Observation", resource=observation("Patient/bob"))
    assert isinstance(refusal, Unprocessable)
    assert refusal.issues[0].code == "forbidden"
    moved = observation("Patient/bob", "of-ann")
    assert isinstance(await limited.refusal("update", "Observation/of-ann", resource=moved), Unprocessable)
    assert (await limited.do("create", "Observation", resource=observation("Patient/ann"))).status == 201


async def test_criteria_match_only_what_is_allowed(limited: Server) -> None:
    assert (await limited.do("delete", "Patient", query=[("identifier", "urn:s|7")])).status == 204
    conditional = await limited.bundle_refusal(entry("POST", "Observation", observation("Patient?identifier=urn:s|7")))
    assert conditional.status == 412
    once = Preconditions(if_none_exist="identifier=urn:s|7")
    refusal = await limited.refusal("create", "Patient", resource=identified("7"), when=once)
    assert refusal.issues[0].code == "forbidden"
    limited.principal = ANONYMOUS
    assert (await limited.do("read", "Patient/bob")).status == 200
