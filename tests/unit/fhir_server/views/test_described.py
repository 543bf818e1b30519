"""Files of views: what no search could be asked, and what is no text, is told by file and entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir_server.search.parameters import Registry
from fhir_server.views.described import read_views
from mappings.views.describe import Misdescribed

VIEW = """name = "visit"
path = "visits"
root = "Encounter"
order = "-date"
included = ["subject"]

[listed]
"status:not" = "entered-in-error"

[fields.kind]
type = "text"
at = "Encounter.type.text"

[filters.person]
parameter = "patient"
pattern = "Patient/{}"

[filters.since]
parameter = "date"
pattern = "ge{}"

[filters.named]
parameter = "patient.name"

[filters.longer]
parameter = "length"
pattern = "gt{}"

[sorts]
kind = "type"
"""


def test_what_searches_can_be_asked_is_taken(tmp_path: Path) -> None:
    (tmp_path / "visit.toml").write_text("\ufeff" + VIEW, encoding="utf-8")
    (found,) = read_views(tmp_path, Registry())
    assert found.path == "visits"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"-date"', '"--date"', "order: Search parameter"),
        ('"-date"', '"colour"', "order: Search parameter"),
        ('["subject"]', '["colour"]', "included: Search parameter"),
        ("status:not", "status:nought", "listed.status:nought: Search parameter"),
        ("status:not", "_colour", "listed._colour: Search parameter"),
        ('"patient"', '"colour"', "filters.person: Search parameter"),
        ('"ge{}"', '"since{}"', "filters.since: Search parameter"),
        ('"patient.name"', '"patient.colour"', "filters.named: Search parameter"),
        ('kind = "type"', 'kind = "colour"', "sorts.kind: Search parameter"),
    ],
)
def test_what_no_search_can_be_asked_is_told_by_its_entry(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in VIEW
    (tmp_path / "visit.toml").write_text(VIEW.replace(old, new), encoding="utf-8")
    with pytest.raises(Misdescribed) as caught:
        read_views(tmp_path, Registry())
    assert str(caught.value).startswith(f"visit.toml: {told}")


def test_a_file_that_is_not_in_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "visit.toml").write_bytes(VIEW.encode() + b"# caf\xe9")
    with pytest.raises(Misdescribed) as caught:
        read_views(tmp_path, Registry())
    assert str(caught.value) == "visit.toml: it is not written in UTF-8"
