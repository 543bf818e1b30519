"""Files with keys of the server's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fhir_server.key_file import KeyUnusable, key_file, replace_key_file


def test_a_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert key_file(path, lambda: b"one", "key") == b"one"
    assert key_file(path, lambda: b"two", "key") == b"one"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_of_two_that_make_it_at_once_both_have_the_same(tmp_path: Path) -> None:
    path = tmp_path / "key"

    def late() -> bytes:
        assert key_file(path, lambda: b"first", "key") == b"first"
        return b"second"

    assert key_file(path, late, "key") == b"first"


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key_file(path, lambda: b"one", "key")
    replace_key_file(path, b"two", "key")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_what_cannot_be_read_or_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match=r"The audit key .*nowhere/key cannot be used: No such file"):
        key_file(tmp_path / "nowhere" / "key", lambda: b"x", "audit key")
    with pytest.raises(KeyUnusable, match="Is a directory"):
        key_file(tmp_path, lambda: b"x", "audit key")
    with pytest.raises(KeyUnusable, match="cannot be written"):
        replace_key_file(tmp_path / "nowhere" / "key", b"x", "audit key")
