"""Professionals change their own Practitioner, and not what others have confirmed of them."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import Forbidden
from fhir_server.interactions.registered import PROFESSIONAL, RPPS
from tests.fakes.callers import OWNER, caller, doctor
from tests.fakes.server import Server

pytestmark = pytest.mark.anyio

NUMBERS = [{"system": RPPS, "value": "10101201234"}, {"system": PROFESSIONAL, "value": "810101201234"}]
OWN: dict[str, Any] = {"resourceType": "Practitioner", "id": "d", "active": True, "identifier": NUMBERS}


@pytest.fixture
async def clinic(server: Server) -> Server:
    await server.put(OWN)
    return server


@pytest.mark.parametrize(
    ("changes", "element"),
    [
        ({"active": False}, "active"),
        ({"identifier": NUMBERS[:1]}, "identifier"),
        ({"identifier": [*NUMBERS, NUMBERS[0]]}, "identifier"),
        ({"identifier": [{"system": RPPS, "value": "10101209999"}, NUMBERS[1]]}, "identifier"),
    ],
)
@pytest.mark.parametrize("role", ["doctor", "pending"])
async def test_what_is_registered_stays(clinic: Server, role: str, changes: dict[str, Any], element: str) -> None:
    clinic.principal = caller(role, "d")
    refused = await clinic.refusal("update", "Practitioner/d", resource=OWN | changes)
    assert isinstance(refused, Forbidden)
    assert [issue.expression for issue in refused.issues] == [f"Practitioner.{element}"]
    clinic.principal = OWNER
    assert (await clinic.show("Practitioner/d"))["meta"]["versionId"] == "1"


async def test_everything_else_is_theirs_to_change_and_administrators_change_all(clinic: Server) -> None:
    clinic.principal = doctor("d")
    more = {"identifier": [{"system": "urn:own", "value": "1"}, *reversed(NUMBERS)], "name": [{"family": "Curie"}]}
    await clinic.put(OWN | more)
    clinic.principal = caller("admin", "root")
    await clinic.put(OWN | {"active": False, "identifier": NUMBERS[:1]})
