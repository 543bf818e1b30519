"""`If-Match` on a view (http://hl7.org/fhir/R4/http.html#concurrency)."""

from __future__ import annotations

import pytest

from fhir_server.errors import PreconditionFailed
from fhir_server.views.demand_version import demand_version


@pytest.mark.parametrize("sent", [None, "*", 'W/"2.1"', 'W/"1.1", W/"2.1"'])
def test_what_names_the_version_or_none_passes(sent: str | None) -> None:
    demand_version('W/"2.1"', sent)


@pytest.mark.parametrize("sent", ['W/"1.1"', "", "2.1", 'W/"2.10"'])
def test_what_names_another_version_is_refused(sent: str) -> None:
    with pytest.raises(PreconditionFailed):
        demand_version('W/"2.1"', sent)
