"""What the JSON API makes of refusals that are told in the words of FHIR."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fastapi import FastAPI, Request

from auth.accounts import Account
from fhir_server.accounts.desk import Desk
from fhir_server.api.errors import INDEXING, refusal_answer
from fhir_server.errors import BadRequest
from fhir_server.search.check_parameter import definition_of
from fhir_server.search.parameters import Addition
from fhir_server.views.acting import HOUSE, Acting
from fhir_server.views.listing import Wanted, listing
from mappings.views.medical_record import VIEW
from profiles.packages.telemed import telemed
from tests.fakes.authority import HERE
from tests.fakes.desk import desk_of

pytestmark = pytest.mark.anyio


async def answer(desk: Desk, error: Exception) -> tuple[int, str | None, str]:
    api = FastAPI()
    api.state.desk = lambda: desk
    scope = {"type": "http", "headers": [], "method": "GET", "path": "/", "app": api}
    found = await refusal_answer(Request(scope), error)
    return found.status_code, found.headers.get("retry-after"), json.loads(bytes(found.body))["error"]["message"]


async def test_a_list_whose_search_parameters_are_being_indexed_is_there_in_a_moment() -> None:
    texts = [each.text for each in telemed().definitions if each.type == "SearchParameter"]
    additions = [Addition(definition_of(json.loads(text)), complete=True) for text in texts]
    async with desk_of(telemed_profiles=False) as desk:
        doctor = Acting(desk, HOUSE, Account("d", "d@example.org", "doctor", "active", 0), HERE)
        desk.services.registry.change(additions)
        assert (await listing(doctor, VIEW, Wanted())).total == 0
        desk.services.registry.change([replace(each, complete=False) for each in additions])
        with pytest.raises(BadRequest) as caught:
            await listing(doctor, VIEW, Wanted())
        assert await answer(desk, caught.value) == (503, "1", INDEXING)


async def test_other_refusals_say_what_they_say() -> None:
    async with desk_of() as desk:
        assert await answer(desk, BadRequest("No such thing.")) == (400, None, "No such thing.")
