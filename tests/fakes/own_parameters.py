"""SearchParameters of a tenant's own, and Patients that they find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fhir_server.interactions.call import Services
from fhir_server.interactions.own_parameters import OwnParameters
from fhir_server.operations import reindexing
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from profiles.validation.validator import Validator
from tests.fakes.clock import Clock
from tests.fakes.server import services_at

EYES = "http://example.org/eye-colour"
Json = dict[str, Any]


def own(id: str = "eye", **more: Any) -> Json:
    """Return a token parameter of Patient over an extension; `more` replaces elements, None takes them out."""
    made = {
        "resourceType": "SearchParameter",
        "id": id,
        "url": f"http://example.org/SearchParameter/{id}",
        "name": "EyeColour",
        "status": "active",
        "description": "The colour of the eyes",
        "code": "eye-colour",
        "base": ["Patient"],
        "type": "token",
        "expression": f"Patient.extension.where(url='{EYES}').value.as(Coding)",
    }
    return {name: value for name, value in {**made, **more}.items() if value is not None}


def with_eyes(id: str, colour: str) -> Json:
    """Return a Patient whose eyes have that colour."""
    coding = {"system": "http://example.org/colours", "code": colour}
    return {"resourceType": "Patient", "id": id, "extension": [{"url": EYES, "valueCoding": coding}]}


async def learning(url: str, validator: Validator, clock: Clock) -> Services:
    """Return the parts of a server that learns its search parameters from its store at `url`, as they come."""
    registry = Registry()
    services = await services_at(url, registry, Extractor(registry), validator, clock)
    own_parameters = OwnParameters(services.store, registry)
    await own_parameters.learn()
    return replace(services, learned=own_parameters.learn)


async def index(services: Services) -> None:
    """Do what is due, to its end."""
    await reindexing.due(services)
    for job in await reindexing.unfinished(services.store):
        while job.value["status"] in reindexing.OPEN:
            job = await reindexing.advance(services, job)
