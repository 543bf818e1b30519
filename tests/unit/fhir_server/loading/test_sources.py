"""Finding files and reading them."""

from __future__ import annotations

import gzip
import hashlib
from contextlib import ExitStack
from pathlib import Path

import pytest

from fhir_server.errors import ParseFailed, Unprocessable
from fhir_server.loading.sources import Content, NotFhir, Source, find, read

PATIENT = b'{"resourceType":"Patient","id":"a"}'


def content(path: Path, files: ExitStack) -> Content:
    (source,) = find([path])
    return read(source, files)


def test_a_folder_is_walked_by_name_and_other_files_are_not_seen(tmp_path: Path) -> None:
    for name in ("b.json", "a.ndjson.gz", "c.txt", "sub/0.JSON", "00-first.json.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = find([tmp_path])
    assert [str(source.path.relative_to(tmp_path)) for source in found] == [
        "00-first.json.gz", "a.ndjson.gz", "b.json", "sub/0.JSON",
    ]  # fmt: skip
    assert not any(source.named for source in found)


def test_arguments_keep_the_order_of_the_command_line(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(PATIENT)
    assert [s.path.name for s in find([tmp_path / "b.json", tmp_path / "a.json"])] == ["b.json", "a.json"]


def test_a_file_of_another_kind_is_refused_when_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(PATIENT)
    with pytest.raises(ValueError, match=r"notes\.txt ends in none of"):
        find([tmp_path / "notes.txt"])
    with pytest.raises(FileNotFoundError, match=r"absent\.json does not exist"):
        find([tmp_path / "absent.json"])


def test_plain_and_gzipped_content_have_the_same_digest(tmp_path: Path) -> None:
    (tmp_path / "plain.json").write_bytes(PATIENT)
    (tmp_path / "packed.json.gz").write_bytes(gzip.compress(PATIENT))
    with ExitStack() as files:
        plain, packed = content(tmp_path / "plain.json", files), content(tmp_path / "packed.json.gz", files)
    assert plain.digest == packed.digest == hashlib.sha256(PATIENT).hexdigest()


@pytest.mark.parametrize("name", ["lines.ndjson", "lines.jsonl.gz"])
def test_lines_come_in_order_with_blank_ones_and_bad_ones_in_their_place(tmp_path: Path, name: str) -> None:
    text = PATIENT + b"\n\n{oops\n[]\r\n" + PATIENT
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    with ExitStack() as files:
        lines = content(tmp_path / name, files)
        items = list(lines.items)
        assert lines.position() == (tmp_path / name).stat().st_size
    assert [item.index for item in items] == [0, 1, 2, 3, 4]
    assert items[1].size == 0
    assert items[4].entry()["request"] == {"method": "PUT", "url": "Patient/a"}
    with pytest.raises(ParseFailed):
        items[2].entry()
    with pytest.raises(Unprocessable, match="one resource"):
        items[3].entry()


def test_a_transaction_is_one_piece_and_a_resource_one_item(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes(b'{"resourceType":"Bundle","type":"transaction","entry":[]}')
    (tmp_path / "p.json").write_bytes(PATIENT)
    with ExitStack() as files:
        assert content(tmp_path / "t.json", files).whole == {
            "resourceType": "Bundle", "type": "transaction", "entry": [],
        }  # fmt: skip
        patient = content(tmp_path / "p.json", files)
    assert patient.whole is None
    assert [item.entry()["resource"]["id"] for item in patient.items] == ["a"]


def test_json_that_is_no_resource_is_told_apart_from_broken_json(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_bytes(b'{"files": {}}')
    (tmp_path / "broken.json").write_bytes(b'{"resourceType": ')
    with ExitStack() as files:
        with pytest.raises(NotFhir, match="resourceType is missing"):
            content(tmp_path / "index.json", files)
        with pytest.raises(ParseFailed):
            content(tmp_path / "broken.json", files)


@pytest.mark.parametrize("name", ["cut.json.gz", "cut.ndjson.gz"])
def test_a_truncated_or_false_archive_says_that_it_cannot_be_read(tmp_path: Path, name: str) -> None:
    whole = gzip.compress(PATIENT * 100)
    for damaged in (whole[: len(whole) // 2], b"not gzip at all"):
        (tmp_path / name).write_bytes(damaged)
        with ExitStack() as files, pytest.raises(ParseFailed, match="cannot be read"):
            read(Source(tmp_path / name, True, len(damaged)), files)
