"""Our top-level packages do not take the name of anybody else's."""

from __future__ import annotations

from importlib.metadata import packages_distributions

import pytest


@pytest.mark.parametrize("package", ["fhir_server", "auth", "mappings", "realtime", "profiles"])
def test_no_other_distribution_has_a_package_of_that_name(package: str) -> None:
    assert set(packages_distributions().get(package, ["fhir-health-server"])) == {"fhir-health-server"}
