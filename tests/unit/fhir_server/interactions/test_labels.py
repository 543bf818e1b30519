"""Security labels restrict, and are add-only for who may not set them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auth.rights import EVERYTHING
from fhir_server.errors import Forbidden, NotFound
from fhir_server.interactions.call import Principal
from tests.fakes.callers import OWNER, breaking_glass, caller, doctor, patient
from tests.fakes.server import Server, content, observation

pytestmark = pytest.mark.anyio

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
RESTRICTED = {"system": CONFIDENTIALITY, "code": "R", "display": "restricted"}
A, D = patient("a"), doctor("d")


def labelled(*labels: dict[str, str], id: str = "o") -> dict[str, Any]:
    return observation("Patient/a", id) | ({"meta": {"security": list(labels)}} if labels else {})


@pytest.fixture
async def clinic(server: Server) -> Server:
    """Return a server with a patient, a doctor in care, and a restricted observation."""
    await server.put({"resourceType": "Patient", "id": "a"})
    await server.put({"resourceType": "Practitioner", "id": "d"})
    await server.put(labelled(RESTRICTED))
    await server.put(labelled(id="plain"))
    team = {"resourceType": "CareTeam", "id": "t", "status": "active", "subject": {"reference": "Patient/a"}}
    await server.put(team | {"participant": [{"member": {"reference": "Practitioner/d"}}]})
    return server


async def test_a_restricted_version_is_hidden_from_care_and_not_from_the_patient(clinic: Server) -> None:
    clinic.principal = A
    await clinic.show("Observation/o")
    clinic.principal = D
    await clinic.show("Observation/plain")
    assert isinstance(await clinic.refusal("read", "Observation/o"), NotFound)
    clinic.principal = breaking_glass("d", "a")
    await clinic.show("Observation/o")
    very = RESTRICTED | {"code": "V"}
    clinic.principal = OWNER
    await clinic.put(labelled(very))
    clinic.principal = breaking_glass("d", "a")
    assert isinstance(await clinic.refusal("read", "Observation/o"), NotFound)


async def test_a_professional_restricts_what_they_write_and_goes_on_writing_it(clinic: Server) -> None:
    clinic.principal = OWNER
    team = (await clinic.show("CareTeam/t")) | {"id": "u", "participant": [{"member": {"reference": "Practitioner/e"}}]}
    await clinic.put({"resourceType": "Practitioner", "id": "e"})
    await clinic.put(team)
    other = doctor("e")
    clinic.principal = D
    secret = observation("Patient/a") | {"meta": {"security": [RESTRICTED]}}
    shown = content(await clinic.do("create", "Observation", resource=secret))
    path = f"Observation/{shown['id']}"
    assert (await clinic.show(path))["meta"]["security"] == [RESTRICTED]
    await clinic.put(shown | {"note": [{"text": "seen again"}]})
    await clinic.put(labelled(RESTRICTED, id="plain"))
    clinic.principal = other
    for hidden in (path, "Observation/plain"):
        assert isinstance(await clinic.refusal("read", hidden), NotFound)
    clinic.principal = A
    for own in (path, "Observation/plain"):
        await clinic.show(own)


async def test_a_professional_changes_nothing_that_a_label_hides(clinic: Server) -> None:
    clinic.principal = D
    for resource in (labelled(), labelled(RESTRICTED)):
        refusal = await clinic.refusal("update", "Observation/o", resource=resource)
        assert refusal.status == 405
    note = [{"op": "add", "path": "/note", "value": [{"text": "seen"}]}]
    assert isinstance(await clinic.refusal("patch", "Observation/o", raw=msgspec.json.encode(note)), NotFound)


async def wrote_it(clinic: Server) -> None:
    """Let the patient be who wrote the restricted observation, and who asks now."""
    clinic.principal = Principal(A.actor, EVERYTHING)
    await clinic.put(labelled(RESTRICTED))
    clinic.principal = A


async def test_a_put_without_labels_keeps_them(clinic: Server) -> None:
    await wrote_it(clinic)
    for resource in (labelled(), labelled() | {"meta": {"tag": [{"code": "x"}]}}):
        await clinic.put(resource)
        assert (await clinic.show("Observation/o"))["meta"]["security"] == [RESTRICTED]
    more = {"system": "urn:s", "code": "mine"}
    await clinic.put(labelled(more))
    assert (await clinic.show("Observation/o"))["meta"]["security"] == [more, RESTRICTED]


async def test_a_patch_takes_no_label_away(clinic: Server) -> None:
    await wrote_it(clinic)
    for patch in (
        [{"op": "remove", "path": "/meta/security/0"}],
        [{"op": "replace", "path": "/meta/security/0/code", "value": "N"}],
        [{"op": "remove", "path": "/meta/security"}],
    ):
        refusal = await clinic.refusal("patch", "Observation/o", raw=msgspec.json.encode(patch))
        assert isinstance(refusal, Forbidden)
        assert "labels can be added, not taken away" in str(refusal)
    note = [{"op": "add", "path": "/note", "value": [{"text": "seen"}]}]
    await clinic.do("patch", "Observation/o", raw=msgspec.json.encode(note))
    assert (await clinic.show("Observation/o"))["meta"]["security"] == [RESTRICTED]


async def test_who_sets_labels_sets_them_freely(clinic: Server) -> None:
    clinic.principal = caller("system", "ehr", scopes="system/*.cruds")
    await clinic.put(labelled())
    assert "security" not in (await clinic.show("Observation/o"))["meta"]


@pytest.mark.parametrize("meta", ["x", {"security": "x"}, {"security": ["x"]}, {"security": {}}])
async def test_labels_that_are_none_are_refused_as_invalid(clinic: Server, meta: Any) -> None:
    clinic.principal = A
    refusal = await clinic.refusal("update", "Observation/o", resource=observation("Patient/a", "o") | {"meta": meta})
    assert refusal.status == 422


async def test_a_label_restricts_what_is_about_nobody_too(clinic: Server) -> None:
    clinic.principal = OWNER
    await clinic.put({"resourceType": "Organization", "id": "o", "name": "x", "meta": {"security": [RESTRICTED]}})
    clinic.principal = A
    assert isinstance(await clinic.refusal("read", "Organization/o"), NotFound)
