"""Parsing as tests ask for it: one registry, one base URL, a fixed time."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import BadRequest
from fhir_server.search.parameters import Registry
from fhir_server.search.parse import Search, parse
from fhir_server.search.query import Node

BASE = "https://fhir.example.org/fhir"
REGISTRY = Registry()
DAY = 86_400_000_000
FEBRUARY_29 = 18_321 * DAY
"""2020-02-29T00:00:00Z in microseconds since 1970."""


def parsed(types: str | tuple[str, ...], *parameters: tuple[str, str], **options: Any) -> Search:
    """Parse as of ten days after FEBRUARY_29."""
    given = {"base": BASE, "now": FEBRUARY_29 + 10 * DAY, **options}
    return parse(types, parameters, REGISTRY, **given)


def where(resource_type: str, name: str, value: str, **options: Any) -> Node:
    """Return what one parameter demands."""
    return parsed(resource_type, (name, value), **options).where


def refusal(types: str | tuple[str, ...], *parameters: tuple[str, str], **options: Any) -> BadRequest:
    """Return the refusal that these parameters meet."""
    with pytest.raises(BadRequest) as caught:
        parsed(types, *parameters, **options)
    return caught.value
