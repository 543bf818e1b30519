"""The view on the page for partners works as the page says: its file, its JSON, and what follows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mappings.errors import Unfit
from mappings.views.view import View
from profiles.validation.validator import Validator

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "own-view.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.S)


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if found == kind]


def test_the_example_of_the_page_is_a_view_that_loses_nothing() -> None:
    described, used = blocks("python")
    (sent,) = map(json.loads, blocks("json"))
    names: dict[str, Any] = {"sent": sent}
    exec(described, names)
    exec(used, names)
    view: View = names["VIEW"]
    assert names["shown"] == sent
    assert list(names["show"](view, names["parts"]).values())[3] == "now"
    assert names["query"] == [
        ("status:not", "entered-in-error"),
        ("patient", "Patient/marie-curie"),
        ("_sort", "-authored"),
    ]
    (request,) = names["parts"]["ServiceRequest"]
    assert Validator().validate(request) == []
    assert (request["priority"], request["intent"]) == ("stat", "order")
    with pytest.raises(Unfit) as caught:
        names["write"](view, sent | {"urgency": "yesterday", "note": " "})
    assert list(caught.value.fields) == ["urgency", "note"]
