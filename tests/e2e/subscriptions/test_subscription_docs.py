"""The examples of docs/subscriptions.md, sent as they stand there but for the address of the endpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.e2e.subscriptions.conftest import Fhir
from tests.fakes.listener import Listener
from tests.fakes.subscribing import weight

PAGE = Path(__file__).parents[3] / "docs" / "subscriptions.md"
Json = dict[str, Any]


def examples(listener: Listener) -> list[Json]:
    """Return the subscriptions of the page, with the listener in the place of their endpoints."""
    text = PAGE.read_text(encoding="utf-8").replace("https://chart.example.org", listener.origin)
    found = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.S)]
    return [each for each in found if each.get("resourceType") == "Subscription"]


def test_the_first_example_gets_what_the_page_says(fhir: Fhir, listener: Listener) -> None:
    asked = examples(listener)[0]
    id = fhir.subscribe(asked)
    made = fhir.create(weight(value=70))
    (come,) = listener.count(1)
    assert (come.method, come.path) == ("PUT", f"/fhir/Observation/{made}")
    assert come.headers["authorization"] == "Bearer the-secret-of-the-endpoint"
    fhir.ask("DELETE", f"Subscription/{id}")
