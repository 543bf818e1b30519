"""A clinic for all tests of apps: a server in required mode, whose apps may register themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.clinic import Clinic, clinic_in


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """The server."""
    with clinic_in(tmp_path_factory.mktemp("clinic"), FHIR_SERVER_CLIENT_REGISTRATION="true") as clinic:
        yield clinic
