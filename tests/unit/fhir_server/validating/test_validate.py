"""Findings of files, in words and as a Bundle."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from fhir_server.model.places import Place
from fhir_server.validating.show import EXTENSIONS, as_bundle, show, summary
from fhir_server.validating.validate import FileFindings, validate
from profiles.validation.validator import Validator
from tests.fakes.profiles import NAMED, knows_named


@pytest.fixture
def found(tmp_path: Path) -> list[FileFindings]:
    (tmp_path / "a.json").write_text('{"resourceType": "Patient",\n "gender": "F"}')
    (tmp_path / "b.json").write_text('{"resourceType": "Patient", "name": [{"text": "x"}]}')
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    return list(validate(paths, [NAMED], validator=Validator(), judge=knows_named))


def test_each_finding_has_its_place(found: list[FileFindings]) -> None:
    assert [(each.issue.expression, each.place) for each in found[0].findings] == [
        ("Patient.gender", Place(2, 2)),
        ("Patient.name", Place(1, 1)),
    ]
    assert (found[1].resources, found[1].findings) == (1, [])


def test_text_groups_by_file_and_names_profile_and_rule(found: list[FileFindings]) -> None:
    out = io.StringIO()
    console = Console(file=out, highlight=False, width=40)
    for each in found:
        show(console, each)
    lines = out.getvalue().splitlines()
    assert lines[0].endswith("a.json")
    assert lines[1] == "  2:2      error       Patient.gender"
    assert lines[-1].strip() == f"profile {NAMED}|1.0, rule Patient.name"
    assert "b.json" not in out.getvalue()


def test_the_summary_counts(found: list[FileFindings]) -> None:
    assert summary(found) == "2 files, 2 resources: 2 errors, 0 warnings, 0 information."


def test_the_bundle_is_valid_and_names_files_and_lines(found: list[FileFindings]) -> None:
    bundle = as_bundle(found)
    assert [each for each in Validator().validate(bundle) if each.is_error] == []
    first, second = (entry["resource"] for entry in bundle["entry"])
    assert first["extension"][0]["valueString"].endswith("a.json")
    places = {"url": EXTENSIONS + "issue-line", "valueInteger": 2}, {"url": EXTENSIONS + "issue-col", "valueInteger": 2}
    assert first["issue"][0]["extension"] == [*places]
    assert [each["diagnostics"] for each in second["issue"]] == ["All OK"]
