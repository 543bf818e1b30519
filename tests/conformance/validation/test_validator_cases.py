"""Verdicts on published validator cases: `FHIR_VALIDATOR_CASES` names their folder; without it only our own small one.

`FHIR_VALIDATOR_DEFINITIONS` may name a folder of StructureDefinitions, ValueSets and CodeSystems known to every case.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.shared import parse
from tests.fakes.validator_cases import BASE, PROFILED, agreement, verdicts

OWN = Path(__file__).parent / "cases"
FOLDER = os.environ.get("FHIR_VALIDATOR_CASES", "")
DEFINITIONS = os.environ.get("FHIR_VALIDATOR_DEFINITIONS", "")
SHARES = {BASE: 0.95, PROFILED: 0.85}
"""At least so much of each group agrees."""


def definitions() -> dict[str, dict[str, object]]:
    found = {}
    for kind in ("StructureDefinition", "ValueSet", "CodeSystem") if DEFINITIONS else ():
        for path in sorted(Path(DEFINITIONS).glob(f"{kind}-*.json")):
            each = parse(path.read_bytes())
            # R4's own types are built in.
            if each.get("derivation", "constraint") == "constraint":
                found[each["url"]] = each
    return found


def test_the_runner_tells_agreement_from_disagreement() -> None:
    found = list(verdicts(OWN, {}))

    assert agreement(found) == {BASE: (3, 4), PROFILED: (2, 3)}
    assert [each.name for each in found if not each.agrees] == ["expected-wrongly", "profiled-wrongly"]


# Without a folder our own cases run, so that a complete run skips nothing.
@pytest.mark.parametrize("folder", [FOLDER] if FOLDER else [""], ids=["published" if FOLDER else "own"])
def test_verdicts_agree(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = list(verdicts(Path(folder) if folder else OWN, definitions()))
    shares = agreement(found)
    with capsys.disabled():
        for group, (agreed, count) in sorted(shares.items()) if folder else ():
            print(f"\n{group}: {agreed} of {count} verdicts agree ({agreed / count:.1%})")  # noqa: T201
        for each in [each for each in found if not each.agrees] if folder else ():
            words = each.messages[0][:200] if each.messages else "nothing found"
            print(f"  {each.name}: expected {'valid' if each.expected else 'invalid'}; {words}")  # noqa: T201

    if folder:
        assert {group for group, (agreed, count) in shares.items() if agreed < SHARES[group] * count} == set()
    else:
        assert {group: count for group, (_, count) in shares.items()} == {BASE: 4, PROFILED: 3}
