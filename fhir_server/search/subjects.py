"""Whom a resource is about, from its index entries: what `profiles.ownership` means for one resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from fhir_server.search.parameters import Parameter, standard_parameters
from fhir_server.search.values import IndexEntries
from profiles.ownership import PATIENT, owning

Owner = tuple[str, str]

_ELEMENTS = ("subject", "patient", "beneficiary", "target")
"""Where a resource says whom it is about: one that says so, in whatever way, is about nobody else."""


def subjects(resource: Mapping[str, Any], entries: IndexEntries) -> list[Owner]:
    """Return the patients that a valid `resource` is about as (type, id), from its index `entries`."""
    type = resource["resourceType"]
    if type == PATIENT:
        return [(PATIENT, resource["id"])] if "id" in resource else []
    known, rest = _names(type)
    says = any(element in resource for element in _ELEMENTS)
    names = known if says or not rest else known | rest
    found = [(kind, id) for name, kind, id, _, _ in entries.references if kind == PATIENT and name in names]
    return list(dict.fromkeys(found))


@cache
def _names(type: str) -> tuple[frozenset[str], frozenset[str]]:
    parameters = standard_parameters(type)
    known, rest = owning(type)
    return _answers(parameters, known), _answers(parameters, rest)


def _answers(parameters: Mapping[str, Parameter], codes: Sequence[str]) -> frozenset[str]:
    return frozenset(answer.name for code in codes if code in parameters for answer in parameters[code].answers)
