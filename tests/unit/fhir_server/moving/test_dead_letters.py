"""The dead-letter file: what was refused, by line, field and rule."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from fhir_server.moving.dead_letters import DeadLetters
from profiles.issues import Issue


def test_it_tells_of_lines_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "dead-letters.jsonl"
    path.write_text("of an earlier run")
    letters = DeadLetters(path)
    assert not path.exists()
    letters.add(
        "users.jsonl", 7, 17, [Issue("error", "invalid", "is needed", "email"), Issue("error", "x", "no", None)]
    )
    letters.add("users.jsonl", 9, None, [Issue("error", "structure", "must be one", "line")])
    # It can be read while the rest is still moving in.
    told = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    letters.close()
    assert told == [
        {
            "file": "users.jsonl", "line": 7, "id": 17,
            "reasons": [{"field": "email", "rule": "is needed"}, {"field": "", "rule": "no"}],
        },
        {"file": "users.jsonl", "line": 9, "id": None, "reasons": [{"field": "line", "rule": "must be one"}]},
    ]  # fmt: skip
    assert letters.count == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_bad_line_there_is_no_file(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead-letters.jsonl")
    letters.close()
    assert list(tmp_path.iterdir()) == []
