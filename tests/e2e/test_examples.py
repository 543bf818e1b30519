"""The examples of README and docs are true: each request is run against a demo server, each answer compared.

A block of `sh` is followed by what it answers: `json` shows a part of the answer, `text` lines that occur in it, in
order; `…` stands for anything. Blocks without an answer are not run; of the `fhir-server` commands in them, command and
options must exist.
"""

from __future__ import annotations

import itertools
import json
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from examples.back_up import back_up
from fhir_server.model.fhir_json import parse
from tests.fakes.command import Running, environment, fhir_server

ROOT = Path(__file__).parents[2]
TOURS = (
    "README.md",
    "docs/tutorial/first-patient.md",
    "docs/audit.md",
    "docs/search.md",
    "docs/profiles.md",
    "docs/how-to/terminology.md",
    "docs/how-to/validate.md",
)
WITH_ACCOUNTS = ("docs/how-to/accounts.md",)
"""Those whose server asks for tokens."""
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.S)
GROUPS = ("user", "client", "keys", "package", "terminology", "audit")
"""Commands whose first word is the name of a group."""
DOCUMENTED = "http://127.0.0.1:8080"


class Example(NamedTuple):
    command: str
    kind: str
    answer: str


def examples(page: Path) -> list[Example]:
    """Return the commands of a page that are followed by their answer."""
    blocks = BLOCK.findall(page.read_text())
    pairs = itertools.pairwise(blocks)
    return [Example(a[1], b[0], b[1]) for a, b in pairs if a[0] == "sh" and b[0] in ("json", "text")]


def is_part(shown: Any, real: Any) -> bool:
    """Whether what is `shown` is in the `real` answer; lists are shown from their start, whole."""
    if shown == "…":
        return True
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(name in real and is_part(shown[name], real[name]) for name in shown)
    if isinstance(shown, list):
        same = isinstance(real, list) and len(shown) == len(real)
        return same and all(is_part(a, b) for a, b in zip(shown, real, strict=True))
    if isinstance(shown, int) and isinstance(real, Decimal):
        return str(shown) == str(real)
    return type(shown) is type(real) and bool(shown == real)


def occurs(shown: str, real: str) -> bool:
    """Whether the lines of `shown` occur in `real`, in order."""
    lines = [".*".join(map(re.escape, line.split("…"))) for line in shown.strip().splitlines()]
    return re.search("[^\n]*\n(?:[^\n]*\n)*?[^\n]*".join(lines), real.replace("\r", "")) is not None


@pytest.mark.parametrize("page", [*TOURS, *WITH_ACCOUNTS])
def test_every_answer_on_the_page_is_what_the_server_answers(page: str, tmp_path: Path) -> None:
    found = examples(ROOT / page)
    assert len(found) >= 4
    auth = "required" if page in WITH_ACCOUNTS else "open"
    with Running(["demo", "--temporary", "--port", "0", "--auth", auth], tmp_path) as server:
        for example in found:
            command = example.command.replace(DOCUMENTED, server.root)
            said = subprocess.run(
                ["bash", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
            ).stdout
            if example.kind == "json":
                assert is_part(parse(example.answer.encode()), parse(said.encode())), f"{command}\n{said}"
            else:
                assert occurs(example.answer.replace(DOCUMENTED, server.root), said), f"{command}\n{said}"


def commands() -> Iterator[str]:
    """Yield every `fhir-server` command that the documentation shows."""
    for page in [ROOT / "README.md", *PAGES]:
        for kind, text in BLOCK.findall(page.read_text()):
            if kind == "sh":
                yield from re.findall(r"fhir-server [^\n]*", text)


def test_the_commands_in_the_documentation_exist_with_their_options(tmp_path: Path) -> None:
    shown = set(commands())
    assert shown
    helps: dict[str, str] = {}
    for command in shown:
        words = shlex.split(command, comments=True)[1:]
        path = words[: 2 if words[0] in GROUPS else 1]
        name = " ".join(path)
        if name not in helps:
            helps[name] = fhir_server(*path, "--help", folder=tmp_path).stdout
        for option in (word for word in words if word.startswith("--")):
            assert re.search(rf"{option}\b", helps[name]), command


def links(page: Path) -> Iterator[Path]:
    """Yield the files that a page links to."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        yield (page.parent / target).resolve()


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in [*ROOT.glob("*.md"), *PAGES]
        for target in links(page)
        if not target.exists()
    ]
    assert broken == []


def test_the_index_links_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    assert set(PAGES) - {index} - set(links(index)) == set()


def test_a_backup_taken_while_the_server_runs_is_whole(tmp_path: Path) -> None:
    with Running(["demo", "--port", "0"], tmp_path):
        back_up(tmp_path / "data" / "demo.db", tmp_path / "copy" / "demo.db")
    checked = fhir_server("check", "--store", "sqlite:///copy/demo.db", folder=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_backup_of_a_store_at_rest_is_whole_and_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"resourceType": "Patient", "id": "a"}))
    assert fhir_server("load", "p.json", "--store", "sqlite:///a.db", folder=tmp_path).returncode == 0
    script = [sys.executable, str(ROOT / "examples" / "back_up.py"), "a.db", "b.db"]
    assert subprocess.run(script, cwd=tmp_path, check=False).returncode == 0
    assert (tmp_path / "b.db").stat().st_mode & 0o777 == 0o600
    assert fhir_server("check", "--store", "sqlite:///b.db", folder=tmp_path).returncode == 0
    again = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "is there already" in again.stderr
    with sqlite3.connect(tmp_path / "b.db") as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
