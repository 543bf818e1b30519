"""The policy on profiles: what writes are told, in each of its forms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.interactions.profiles import CORE, Policy, claimed, core_only
from profiles.issues import Issue
from tests.fakes.profiles import NAMED, NAMELESS, knows_named
from tests.fakes.server import Server, patient

pytestmark = pytest.mark.anyio
UNKNOWN = "https://clinic.example/StructureDefinition/unheard-of"
NAME = [{"family": "Martin"}]


def under(server: Server, policy: Policy) -> Server:
    server.services = replace(server.services, policy=policy, judge=knows_named)
    return server


@pytest.mark.parametrize("profile", [CORE + "Patient", CORE + "DomainResource", CORE + "Patient|4.0.1"])
def test_a_patient_is_what_the_definitions_of_r4_say(profile: str) -> None:
    assert core_only(patient(), [profile], False) == []


def test_a_patient_is_no_observation() -> None:
    (found,) = core_only(patient(), [CORE + "Observation"], False)
    assert (found.severity, found.expression, found.profile) == ("error", "Patient", CORE + "Observation")


@pytest.mark.parametrize("profile", [CORE + "bp", CORE + "Patient|5.0.0", "https://clinic.example/Patient", ""])
def test_other_profiles_are_not_known_without_packages(profile: str) -> None:
    (named,) = core_only(patient(), [profile], False)
    (claim,) = core_only(patient(meta={"profile": [profile]}), [], True)
    assert [(each.severity, each.code) for each in (named, claim)] == [("error", "not-found"), ("warning", "not-found")]


async def test_a_type_with_a_profile_of_its_own_must_conform_to_it(server: Server) -> None:
    under(server, Policy({"Patient": (NAMED,)}))
    refusal = await server.refusal("create", "Patient", resource=patient())
    assert isinstance(refusal, Unprocessable)
    assert refusal.issues == (NAMELESS,)
    assert (await server.do("create", "Patient", resource=patient(name=NAME))).status == 201
    assert (await server.do("create", "Practitioner", resource={"resourceType": "Practitioner"})).status == 201


async def test_a_profile_that_is_required_and_not_known_keeps_every_write_out(server: Server) -> None:
    under(server, Policy({"Patient": (UNKNOWN,)}))
    refusal = await server.refusal("update", "Patient/a", resource=patient("a", name=NAME))
    assert [(each.code, each.profile) for each in refusal.issues] == [("not-found", UNKNOWN)]
    assert "install the package" in refusal.issues[0].message


async def test_entries_of_a_transaction_are_held_to_it_too(server: Server) -> None:
    under(server, Policy({"Patient": (NAMED,)}))
    refusal = await server.bundle_refusal({"resource": patient(), "request": {"method": "POST", "url": "Patient"}})
    assert [each.expression for each in refusal.issues] == ["Bundle.entry[0].resource.name"]


async def told(server: Server, **meta: object) -> list[Issue]:
    return list((await server.do("create", "Patient", resource=patient(meta=meta))).issues)


async def test_a_broken_claim_is_a_warning_by_default(server: Server) -> None:
    under(server, Policy())
    assert await told(server, profile=[NAMED]) == [replace(NAMELESS, severity="warning")]


async def test_a_claim_of_the_unknown_is_mentioned_by_default(server: Server) -> None:
    under(server, Policy())
    (found,) = await told(server, profile=[UNKNOWN])
    assert (found.severity, found.code, found.expression) == ("information", "not-found", "Patient.meta.profile[0]")


async def test_nobody_looks_at_claims_when_it_is_off(server: Server) -> None:
    under(server, Policy(claims="off"))
    assert await told(server, profile=[NAMED, UNKNOWN]) == []


@pytest.mark.parametrize(("profile", "code"), [(NAMED, "required"), (UNKNOWN, "not-found")])
async def test_a_claim_that_is_enforced_must_be_kept(server: Server, profile: str, code: str) -> None:
    under(server, Policy(claims="enforce"))
    refusal = await server.refusal("create", "Patient", resource=patient(meta={"profile": [profile]}))
    assert [(each.severity, each.code) for each in refusal.issues] == [("error", code)]


async def test_a_profile_that_is_required_and_claimed_speaks_once(server: Server) -> None:
    under(server, Policy({"Patient": (NAMED,)}, "enforce"))
    refusal = await server.refusal("create", "Patient", resource=patient(meta={"profile": [NAMED]}))
    assert refusal.issues == (NAMELESS,)


def test_claims_are_read_from_whatever_is_there() -> None:
    assert claimed(patient(meta={"profile": [NAMED, 3]})) == [("Patient.meta.profile[0]", NAMED)]
    assert claimed(patient(meta={"profile": NAMED})) == claimed(patient(meta=[])) == claimed(patient()) == []
