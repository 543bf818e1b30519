"""The least valid resource of each type, about a patient where the type can be."""

from __future__ import annotations

import copy
from functools import cache
from random import Random
from typing import Any

from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.search.subjects import subjects
from profiles.ownership import record_types
from profiles.validation.tables import shape
from profiles.validation.validator import Validator
from tests.fakes.generated import _object

Json = dict[str, Any]
BASE = "http://localhost/fhir"
SEEDS = 3000
WHO = "Patient/who"


class _Bare(Random):
    """Chooses nothing that is not required."""

    # A subclass with a `random` of its own would make choices from that as well.
    _randbelow = Random._randbelow_with_getrandbits  # type: ignore[attr-defined]

    def random(self) -> float:
        return 1.0


@cache
def _validator() -> Validator:
    return Validator()


@cache
def _extractor() -> Extractor:
    return Extractor(Registry())


def is_valid(resource: Json) -> bool:
    """Return whether the base finds nothing wrong."""
    return not any(issue.is_error for issue in _validator().validate(resource))


def bare(type: str, patient: str = "who", id: str | None = None) -> Json:
    """Return the least valid resource of `type`, about a patient if it is a type of the record."""
    made = _renamed(copy.deepcopy(_about(type)), WHO, f"Patient/{patient}")
    if type == "Patient":
        id = patient
    if type == "Subscription":
        # One that asks to be active must ask for something that there is.
        made["status"] = "off"
    if id is not None:
        made["id"] = id
    return made


@cache
def _about(type: str) -> Json:
    """Return the least resource of a type that is about WHO."""
    if type == "Binary":
        return _least(type) | {"securityContext": {"reference": WHO}}
    if type not in {*record_types(), "Device", "Task"} or type == "Patient":
        return _least(type)
    who = {"reference": WHO}
    ways: list[Json] = [
        {name: value}
        for name in ("subject", "patient", "beneficiary", "individual", "actor", "candidate", "for", "deliverTo")
        for value in (who, [who])
    ]
    ways += [
        {"target": [who]},
        {"agent": [{"requestor": False, "who": who}]},
        {"participant": [{"actor": who, "status": "accepted"}]},
    ]
    for way in ways:
        made = _least(type) | way
        if is_valid(made) and (type in ("Device", "Task") or _is_about(made)):
            return made
    raise LookupError(f"{type} cannot be made to be about a patient")


def _is_about(resource: Json) -> bool:
    named = resource | {"id": "x"}
    return ("Patient", "who") in subjects(named, _extractor().entries(named, base=BASE))


@cache
def _least(type: str) -> Json:
    for make, seeds in ((_Bare, 60), (Random, SEEDS)):
        for seed in range(seeds):
            made = {"resourceType": type, **_object(make(seed), shape(type), 0, ())}
            if is_valid(made):
                return _renamed(made, "Patient/a-1", WHO)
    raise LookupError(f"no least {type} was found")


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {name: _renamed(each, old, new) for name, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, old, new) for each in value]
    return new if value == old else value
