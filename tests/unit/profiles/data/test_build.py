"""The checked-in data files are what the script makes of the official package."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from profiles.data import build

NAMES = ("structures", "core_profiles", "search_parameters", "compartments", "operations", "code_systems", "value_sets")


def contents(folder: Path) -> dict[str, bytes]:
    """The data files unpacked: compressors differ between machines, what they pack does not."""
    return {name: gzip.decompress((folder / f"{name}.json.gz").read_bytes()) for name in NAMES}


@pytest.mark.external
def test_rebuilding_from_the_registry_package_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = contents(build.HERE)
    monkeypatch.setattr(build, "HERE", tmp_path)
    monkeypatch.setattr("sys.argv", ["build"])
    build.main()
    assert contents(tmp_path) == committed


def test_definitions_prose_is_dropped() -> None:
    compacted = build.element(
        {"path": "Patient.name", "min": 0, "max": "*", "definition": "prose", "comment": "prose", "type": []},
        build.Constraints(),
    )
    assert compacted == {"path": "name", "max": "*"}


def test_one_key_for_two_rules_gets_a_number() -> None:
    constraints = build.Constraints()
    first = {"key": "inv-1", "severity": "error", "expression": "a.exists()"}
    second = {"key": "inv-1", "severity": "error", "expression": "b.exists()"}
    assert [constraints.name(rule) for rule in (first, second, first)] == ["inv-1", "inv-1~2", "inv-1"]


def test_a_concept_keeps_every_value_of_every_property() -> None:
    compiled = build.concept(
        {
            "code": "FFSS",
            "definition": "prose",
            "property": [
                {"code": "child", "valueCode": "FFPS"},
                {"code": "notSelectable", "valueBoolean": True},
                {"code": "child", "valueCode": "FFCS"},
            ],
        }
    )
    assert compiled == ["FFSS", "", [], {"child": ["FFPS", "FFCS"], "notSelectable": [True]}]
