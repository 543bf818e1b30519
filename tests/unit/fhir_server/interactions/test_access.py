"""What a caller may not see does not exist for it, and cannot be changed by it."""

from __future__ import annotations

import pytest

from auth.rights import Rights
from fhir_server.errors import Forbidden, MethodNotAllowed, NotFound
from fhir_server.interactions.access import demand, demand_plans, demand_power, restriction_for, within
from fhir_server.interactions.call import ANONYMOUS, Preconditions, Principal
from profiles.restriction import ALL, About, InCompartment, narrow
from tests.fakes.rights import limited_to
from tests.fakes.server import Server, content, entry, identified, observation, patient

pytestmark = pytest.mark.anyio

OWN = Principal("ann", limited_to(InCompartment("Patient", "ann")))


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
    assert restriction_for(server.call()) is ALL
    assert within(server.call(), "read", "Patient") is ALL
    server.principal = OWN
    assert within(server.call(), "read", "Patient") == InCompartment("Patient", "ann")
    assert narrow(restriction_for(server.call()), "Patient") == InCompartment("Patient", "ann")


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
    assert isinstance(refusal, Forbidden)
    assert refusal.issues[0].code == "forbidden"
    moved = observation("Patient/bob", "of-ann")
    assert isinstance(await limited.refusal("update", "Observation/of-ann", resource=moved), Forbidden)
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


async def test_a_type_that_is_not_in_scope_is_named(limited: Server) -> None:
    reach = {"Observation": About("ann")}
    limited.principal = Principal("ann", Rights({"read": reach, "search": reach, "history": reach}))
    demand(limited.call(), "read", "Observation")
    for name, path in (("read", "Patient/ann"), ("vread", "Patient/ann/_history/1"), ("search", "Patient")):
        refusal = await limited.refusal(name, path)
        assert isinstance(refusal, Forbidden)
        assert "Patient" in str(refusal)
    assert isinstance(await limited.refusal("create", "Observation", resource=observation("Patient/ann")), Forbidden)
    with pytest.raises(Forbidden, match="reindex"):
        demand_power(limited.call(), "reindex", "$reindex")


@pytest.mark.parametrize(
    "query",
    [
        [("subject:Patient.name", "x")],
        [("subject.birthdate", "2000")],
        [("_has:Provenance:target:agent", "Practitioner/1")],
        [("_include", "Observation:subject:Patient")],
        [("_revinclude", "Provenance:target")],
        [("_list", "1")],
        [("_filter", "subject.birthdate eq 2000")],
        [("subject:Patient._has:Condition:subject:code", "x")],
    ],
)
async def test_every_hop_of_a_search_is_in_scope_or_refused(limited: Server, query: list[tuple[str, str]]) -> None:
    limited.principal = Principal("ann", Rights({"search": {"Observation": About("ann")}}))
    refusal = await limited.refusal("search", "Observation", query=query)
    assert refusal.status == 403


async def test_a_chain_without_a_type_goes_through_those_in_scope(limited: Server) -> None:
    reach = {"Observation": About("ann"), "Patient": About("ann")}
    limited.principal = Principal("ann", Rights({"search": reach}))
    found = content(await limited.do("search", "Observation", query=[("subject._id", "ann")]))
    assert [each["resource"]["id"] for each in found["entry"]] == ["of-ann"]
    hidden = content(await limited.do("search", "Observation", query=[("subject._id", "bob")]))
    assert hidden["total"] == 0


@pytest.mark.parametrize("query", [[("_revinclude", "*")], [("_include:iterate", "*"), ("_revinclude:iterate", "*")]])
async def test_an_asterisk_alone_stands_for_what_is_in_scope(limited: Server, query: list[tuple[str, str]]) -> None:
    limited.principal = Principal("ann", Rights({"search": {"Patient": About("ann")}}))
    alone = content(await limited.do("search", "Patient", query=query))
    assert [each["resource"]["id"] for each in alone["entry"]] == ["ann"]
    reach = {"Observation": About("ann"), "Patient": About("ann")}
    limited.principal = Principal("ann", Rights({"search": reach}))
    found = content(await limited.do("search", "Patient", query=query))
    assert [each["resource"]["id"] for each in found["entry"]] == ["ann", "of-ann"]


async def test_a_search_over_all_types_is_one_over_those_in_scope(limited: Server) -> None:
    limited.principal = Principal("ann", Rights({"search": {"Observation": About("ann")}}))
    found = content(await limited.do("search", "", query=[("_lastUpdated", "ge1970")]))
    assert [each["resource"]["id"] for each in found["entry"]] == ["of-ann"]
    refusal = await limited.refusal("search", "", query=[("_type", "Observation,Patient")])
    assert (refusal.status, "Patient" in str(refusal)) == (403, True)
    limited.principal = Principal("nobody", Rights())
    assert (await limited.refusal("search", "", query=[("_id", "x")])).status == 403


async def test_who_does_not_choose_ids_learns_nothing_by_choosing_one(limited: Server) -> None:
    reach = {"Patient": About("ann"), "Observation": About("ann")}
    every = dict.fromkeys(("read", "search", "create", "update", "delete"), reach)
    limited.principal = Principal("ann", Rights(every))
    told = []
    for id in ("bob", "nobody"):
        refusal = await limited.refusal("update", f"Patient/{id}", resource=patient(id))
        assert isinstance(refusal, MethodNotAllowed)
        told.append(str(refusal).replace(id, "?"))
    assert told[0] == told[1]
    own = observation("Patient/ann", "chosen")
    refusal = await limited.refusal("update", "Observation", query=[("code", "none")], resource=own)
    assert isinstance(refusal, MethodNotAllowed)
    for name in ("delete", "patch", "read"):
        messages = [str(await limited.refusal(name, f"Patient/{id}", raw=b"[]")) for id in ("bob", "nobody")]
        assert messages[0].replace("bob", "?") == messages[1].replace("nobody", "?")


async def test_nobody_is_written_about_together_with_one_who_is_out_of_reach(limited: Server) -> None:
    about = {"Appointment": About("ann"), "Patient": About("ann")}
    limited.principal = Principal("ann", Rights({"create": about, "read": about}))
    who = [{"actor": {"reference": f"Patient/{id}"}, "status": "accepted"} for id in ("ann", "bob")]
    both = {"resourceType": "Appointment", "status": "proposed", "participant": who}
    assert isinstance(await limited.refusal("create", "Appointment", resource=both), Forbidden)
    alone = both | {"participant": who[:1]}
    assert (await limited.do("create", "Appointment", resource=alone)).status == 201
