"""Writes that refer to what is not here are refused where the policy says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.interactions.profiles import Policy
from tests.fakes.server import Json, Server, entry, observation, patient

pytestmark = pytest.mark.anyio


@pytest.fixture
def strict(server: Server) -> Server:
    server.services = replace(server.services, policy=Policy(references="enforce"))
    return server


def about(reference: str, id: str = "o") -> Json:
    return observation(reference, id)


async def test_a_write_refers_to_what_is_here(strict: Server) -> None:
    refusal = await strict.refusal("update", "Observation/o", resource=about("Patient/p"))
    assert isinstance(refusal, Unprocessable)
    assert [(each.code, each.expression) for each in refusal.issues] == [("not-found", "Observation.subject.reference")]
    assert (await strict.refusal("read", "Observation/o")).issues
    await strict.put(patient("p"))
    await strict.put(about("Patient/p"))
    await strict.do("delete", "Observation/o")
    await strict.do("delete", "Patient/p")
    await strict.refusal("create", "Observation", resource=about("Patient/p"))


async def test_elsewhere_and_inside_are_not_asked_about(strict: Server) -> None:
    await strict.put(about("https://elsewhere.example/Patient/1"))
    inside = about("#p") | {"contained": [{"resourceType": "Patient", "id": "p"}]}
    await strict.put(inside)


async def test_entries_of_one_transaction_count_as_here(strict: Server) -> None:
    both = entry("PUT", "Observation/o", about("Patient/p")), entry("PUT", "Patient/p", patient("p"))
    assert len(await strict.bundle(*both)) == 2
    lost = entry("PUT", "Observation/lost", about("Patient/gone", "lost"))
    refusal = await strict.bundle_refusal(entry("PUT", "Patient/q", patient("q")), lost)
    assert refusal.issues[0].expression == "Bundle.entry[1].resource.subject.reference"
    await strict.refusal("read", "Patient/q")


async def test_other_policies_let_it_be(server: Server) -> None:
    for references in ("warn", "off"):
        server.services = replace(server.services, policy=Policy(references=references))
        await server.put(about("Patient/p"))
