"""An authority over each kind of store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from auth import keys
from tests.fakes.authority import Authority, authority_at, loaded, pem
from tests.fakes.clock import Clock


@pytest.fixture(params=["memory", "sqlite"])
def authority(
    request: pytest.FixtureRequest,
    runner: asyncio.Runner,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Authority]:
    """The authority under test; whatever a test did, the store is whole at the end."""
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/fhir.db"
    monkeypatch.setattr(keys, "_generate", pem)
    monkeypatch.setattr(keys, "load_pem_private_key", loaded)
    made = runner.run(authority_at(url, clock))
    yield made
    problems = runner.run(made.store.check())
    runner.run(made.store.close())
    assert problems == []
