"""Answers to published FHIRPath tests: `FHIR_FHIRPATH_CASES` names their folder; without it only our own small ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.fhirpath_cases import agreement, answers

OWN = Path(__file__).parent / "cases"
FOLDER = os.environ.get("FHIR_FHIRPATH_CASES", "")
DUE = 900 / 935
"""At least this share of the published tests is answered as expected."""
WRONG_ON_PURPOSE = {"wrong-value", "wrong-type", "wrong-count", "no-error"}


def test_the_runner_tells_agreement_from_disagreement() -> None:
    found = list(answers(OWN))

    assert {each.name for each in found if not each.agrees} == WRONG_ON_PURPOSE
    assert agreement(found)["wrong"] == (0, len(WRONG_ON_PURPOSE))
    assert sum(agreed for agreed, _ in agreement(found).values()) == len(found) - len(WRONG_ON_PURPOSE)


@pytest.mark.parametrize("folder", [Path(FOLDER) if FOLDER else OWN], ids=["published" if FOLDER else "own"])
def test_answers_agree(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = [each for each in answers(folder) if each.name not in WRONG_ON_PURPOSE]
    agreed = sum(each.agrees for each in found)
    with capsys.disabled():
        for group, (right, count) in agreement(found).items() if FOLDER else ():
            print(f"\n{group}: {right} of {count}", end="")  # noqa: T201
        for each in [each for each in found if not each.agrees] if FOLDER else ():
            print(f"\n  {each.name}: {each.said[:200]}", end="")  # noqa: T201

    assert agreed >= (DUE if FOLDER else 1) * len(found)
