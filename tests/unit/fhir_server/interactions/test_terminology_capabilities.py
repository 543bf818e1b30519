"""TerminologyCapabilities (http://hl7.org/fhir/R4/terminologycapabilities.html)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from profiles.terminology.head import Head
from profiles.validation.validator import Validator
from tests.fakes.concepts import URL, load
from tests.fakes.server import Server, content

pytestmark = pytest.mark.anyio


async def stated(server: Server) -> dict[str, Any]:
    server.services = replace(server.services, capabilities={"version": "1.2.3", "date": "2025-01-31"})
    return content(await server.do("capabilities", query=[("mode", "terminology")]))


async def test_the_statement_is_valid_and_tells_what_is_loaded(server: Server) -> None:
    await load(server.services.store)
    await load(server.services.store, Head(0, URL, "10", "Beasts"))
    statement = await stated(server)
    assert [issue for issue in Validator().validate(statement) if issue.is_error] == []
    by_url = {each["uri"]: each for each in statement["codeSystem"]}
    versions = [{"code": "1", "isDefault": False}, {"code": "10", "isDefault": True}]
    assert by_url[URL] == {"uri": URL, "version": versions, "subsumption": True}
    gender = by_url["http://hl7.org/fhir/administrative-gender"]
    assert gender["version"] == [{"code": "4.0.1"}]
    # R4 names it, and has none of its codes.
    assert "http://snomed.info/sct" not in by_url
