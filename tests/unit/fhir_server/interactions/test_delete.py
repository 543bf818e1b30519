"""delete and conditional delete (http://hl7.org/fhir/R4/http.html#delete)."""

from __future__ import annotations

import pytest

from fhir_server.errors import PreconditionFailed
from fhir_server.interactions.call import Preconditions
from fhir_server.store.base import Key
from profiles.restriction import ALL
from tests.fakes.server import Server, identified, observation, patient

pytestmark = pytest.mark.anyio

SEVEN = [("identifier", "urn:s|7")]


async def test_delete_is_204_with_the_version_of_the_tombstone(server: Server) -> None:
    await server.put(patient("1"))
    done = await server.do("delete", "Patient/1")
    assert (done.status, done.body, done.version, done.location) == (204, None, "2", None)
    assert (await server.refusal("read", "Patient/1")).status == 410


async def test_delete_again_is_204_and_makes_no_version(server: Server) -> None:
    await server.put(patient("1"))
    await server.do("delete", "Patient/1")
    again = await server.do("delete", "Patient/1")
    assert (again.status, again.version) == (204, "2")


async def test_delete_of_what_never_was_is_204(server: Server) -> None:
    done = await server.do("delete", "Patient/1")
    assert (done.status, done.version) == (204, None)
    assert (await server.refusal("read", "Patient/1")).status == 404


async def test_delete_honours_if_match(server: Server) -> None:
    await server.put(patient("1"))
    refusal = await server.refusal("delete", "Patient/1", when=Preconditions(if_match="2"))
    assert isinstance(refusal, PreconditionFailed)
    assert (await server.do("delete", "Patient/1", when=Preconditions(if_match="1"))).status == 204


async def test_a_tombstone_keeps_the_owners_and_labels_of_what_it_ends(server: Server) -> None:
    label = {"system": "urn:l", "code": "R"}
    await server.put(observation("Patient/1", "o", meta={"security": [label]}))
    await server.do("delete", "Observation/o")
    store, key = server.services.store, Key("Observation", "o")
    assert Key("Patient", "1") in await store.owners(key, 2, restriction=ALL)
    assert await store.labels(key, 2, restriction=ALL) == [("urn:l", "R")]


async def test_conditional_delete_takes_every_match_in_one_transaction(server: Server) -> None:
    for id in ("1", "2", "3"):
        await server.put(identified("7" if id != "3" else "8", id=id))
    before = await server.services.store.position()
    assert (await server.do("delete", "Patient", query=SEVEN)).status == 204
    changes = await server.services.store.changes(before)
    assert {change.key.id for change in changes} == {"1", "2"}
    assert len({change.position for change in changes}) == 1
    assert await server.services.store.counts() == {"Patient": 1}


async def test_conditional_delete_of_one_match_tells_its_version(server: Server) -> None:
    await server.put(identified("7", id="1"))
    assert (await server.do("delete", "Patient", query=SEVEN)).version == "2"


async def test_conditional_delete_without_a_match_is_204(server: Server) -> None:
    assert (await server.do("delete", "Patient", query=SEVEN)).status == 204


async def test_conditional_delete_above_the_limit_deletes_nothing(server: Server) -> None:
    server.limit(delete_matches=1)
    for id in ("1", "2"):
        await server.put(identified("7", id=id))
    refusal = await server.refusal("delete", "Patient", query=SEVEN)
    assert isinstance(refusal, PreconditionFailed)
    assert await server.services.store.counts() == {"Patient": 2}


@pytest.mark.parametrize(("query", "status"), [([], 412), ([("identifier", "")], 412), ([("nonsense", "1")], 400)])
async def test_conditional_delete_needs_criteria(server: Server, query: list[tuple[str, str]], status: int) -> None:
    await server.put(patient("1"))
    assert (await server.refusal("delete", "Patient", query=query)).status == status
    assert await server.services.store.counts() == {"Patient": 1}


async def test_a_criterion_without_a_value_is_refused_for_ignoring_it_would_widen_the_others(server: Server) -> None:
    await server.put(patient("1", gender="male"))
    refusal = await server.refusal("delete", "Patient", query=[("gender", "male"), ("family", "")])
    assert (refusal.status, refusal.issues[0].expression) == (400, "family")
