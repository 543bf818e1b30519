"""The examples of the FHIRPath specification, with the answers it states beside them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from profiles.fhirpath.engine import FhirPathError, compile_expression
from tests.unit.profiles.fhirpath.conftest import PATIENT

LINES = (Path(__file__).parent / "specification.txt").read_text(encoding="utf-8").splitlines()
EXAMPLES = [line.rsplit(" => ", 1) for line in LINES if line and not line.startswith("#")]


@pytest.mark.parametrize(("text", "stated"), EXAMPLES, ids=[text for text, _ in EXAMPLES])
def test_an_example_gives_what_the_specification_states(text: str, stated: str) -> None:
    if stated == "error":
        with pytest.raises(FhirPathError):
            compile_expression(text).evaluate(PATIENT)
        return
    expected: list[Any] = json.loads(stated, parse_float=Decimal)
    found = compile_expression(text).evaluate(PATIENT)
    assert found == expected
    assert [isinstance(each, bool) for each in found] == [isinstance(each, bool) for each in expected]
