"""Fixtures: one clinic for all that only ask, a fresh one for what changes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authorization.clinic import clinic
from tests.fakes.asking import Asking


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    server = clinic(tmp_path_factory.mktemp("clinic"))
    yield server
    server.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Asking]:
    server = clinic(tmp_path)
    yield server
    server.close()
