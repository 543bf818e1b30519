"""A real server on an empty store for the journeys of a module, and clients for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.command import Running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server in a process of its own, with small limits so that they can be met."""
    folder = tmp_path_factory.mktemp("server")
    arguments = ["serve", "--auth", "open", "--port", "0", "--store", f"sqlite:///{folder}/fhir.db"]
    limits = {"FHIR_SERVER_MAX_BODY_BYTES": "1000000", "FHIR_SERVER_CORS_ORIGINS": "https://app.example"}
    with Running(arguments, Path(folder), **limits) as running:
        yield running


@pytest.fixture(scope="module")
def http(server: Running) -> Iterator[httpx.Client]:
    """A client whose paths are relative to the FHIR base."""
    with httpx.Client(base_url=f"{server.root}/fhir/", timeout=30) as client:
        yield client
