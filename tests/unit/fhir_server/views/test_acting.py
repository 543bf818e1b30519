"""What a write through a view is: by whom, and whether it conforms to FR Core."""

from __future__ import annotations

import json

from auth.accounts import Account
from fhir_server.views.acting import FRENCH, HOUSE, Acting
from tests.fakes.authority import HERE
from tests.fakes.desk import desk_of


async def test_what_is_written_conforms_to_fr_core_once_that_is_installed() -> None:
    async with desk_of() as desk:
        doctor = Acting(desk, HOUSE, Account("d", "d@example.org", "doctor", "active", 0), HERE)
        assert (doctor.act().by, doctor.act().french) == ("Practitioner/d", False)
        profile = {"resourceType": "StructureDefinition", "url": FRENCH, "version": "2.2.0", "type": "Encounter"}
        desk.services.catalogue.keep("fr", profile, json.dumps(profile).encode())
        assert doctor.act().french
