"""Real patients as transactions: the counts are those that the data set states (EXPECTED.json)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fhir_server.interactions.bundle import bundle
from tests.fakes.server import Server, content
from tests.fakes.shared import parse, synthea_bundles

pytestmark = pytest.mark.anyio

SHARED = ("00-hospitalInformation", "00-practitionerInformation")
CHOSEN = ("b-24d82e9b", "b-5875d3aa", "b-6a63e007", "s-59f1d794", "s-68f6dc04")


async def test_bundles_go_in_whole_and_a_second_time_the_shared_ones_are_found(
    server: Server, shared_data: Path
) -> None:
    expected = json.loads((shared_data / "synthea-dev" / "EXPECTED.json").read_bytes())["files"]
    counts: dict[str, int] = {}
    for name in (*SHARED, SHARED[0], *CHOSEN):
        again = bool(counts) and name == SHARED[0]
        (found,) = synthea_bundles(f"{name}*.json.gz")
        answers = content(await bundle(server.call(resource=found)))["entry"]
        assert {answer["response"]["status"] for answer in answers} == {"200 OK" if again else "201 Created"}, name
        (facts,) = (facts for key, facts in expected.items() if key.startswith(name))
        for type, number in facts["counts"].items() if not again else ():
            counts[type] = counts.get(type, 0) + number
    assert await server.services.store.counts() == counts


async def test_no_conditional_or_placeholder_reference_is_left(server: Server, shared_data: Path) -> None:
    for name in (*SHARED, "b-5875d3aa"):
        (found,) = synthea_bundles(f"{name}*.json.gz")
        await bundle(server.call(resource=found))
    page = await server.do("history", query=[("_count", "1000")])
    assert page.body is not None
    assert len(parse(page.body)["entry"]) > 900
    assert b'"reference":"urn:' not in page.body
    assert b"?identifier=" not in page.body
