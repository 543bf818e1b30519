"""A dump: which files are one, and what their lines are."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from fhir_server.moving.dump import Line, find, lines
from mappings.errors import Unfit


def test_the_files_come_in_the_order_in_which_they_refer_to_each_other(tmp_path: Path) -> None:
    for name in ("notifications.jsonl", "medical_records.jsonl.gz", "users.jsonl", "dead-letters.jsonl", "README.txt"):
        (tmp_path / name).write_bytes(b"x")
    found = find(tmp_path)
    assert [(each.kind, each.size) for each in found] == [("user", 1), ("medical_record", 1), ("notification", 1)]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), "nothing to move in"),
        (("users.jsonl", "record.jsonl"), "record.jsonl is no file of a dump"),
        (("users.jsonl", "users.jsonl.gz"), "twice"),
    ],
)
def test_a_folder_that_is_no_dump_is_refused(tmp_path: Path, names: tuple[str, ...], told: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=told):
        find(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        find(tmp_path / "nowhere")


@pytest.mark.parametrize("packed", [False, True])
def test_lines_are_numbered_as_an_editor_does_and_blank_ones_are_none(tmp_path: Path, packed: bool) -> None:
    text = b'{"id": 1}\r\n\n  \n{"id": 2}'
    path = tmp_path / f"users.jsonl{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(text) if packed else text)
    (source,) = find(tmp_path)
    found = list(lines(source))
    assert [(each.number, each.value()) for each in found] == [(1, {"id": 1}), (4, {"id": 2})]
    assert found[-1].position == path.stat().st_size
    assert found[0].digest != found[1].digest


def test_a_file_that_is_cut_off_is_told(tmp_path: Path) -> None:
    (tmp_path / "users.jsonl.gz").write_bytes(gzip.compress(b'{"id": 1}\n' * 1000)[:-20])
    (source,) = find(tmp_path)
    with pytest.raises(EOFError):
        list(lines(source))


@pytest.mark.parametrize("raw", [b"", b"[1]", b"17", b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff", b"[" * 100_000])
def test_a_line_that_is_no_object_is_told_of_without_what_it_says(raw: bytes) -> None:
    with pytest.raises(Unfit) as caught:
        Line(1, raw, 0).value()
    assert caught.value.fields == {"line": ["must be one JSON object, with each name once"]}


def test_decimals_keep_their_digits() -> None:
    assert Line(1, b'{"a": 1.10}', 0).value() == {"a": Decimal("1.10")}
