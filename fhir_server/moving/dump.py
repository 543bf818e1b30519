"""A dump: a folder with a file of JSON lines for each kind, plain or with `.gz`, and the attachments beside them.

See docs/how-to/move-in.md for what stands in a line.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, cast

from mappings.errors import Unfit
from profiles.issues import Issue

FILES = {
    "user": "users.jsonl",
    "consent": "consents.jsonl",
    "appointment": "appointments.jsonl",
    "medical_record": "medical_records.jsonl",
    "notification": "notifications.jsonl",
}
"""The file of each kind, in the order in which they are read: who others refer to comes first."""
ATTACHMENTS = "attachments"
"""The folder of the attachments, each under its id."""
LETTERS = "dead-letters.jsonl"


@dataclass(frozen=True, slots=True)
class Source:
    """The file of a kind, of `size` bytes."""

    kind: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line, `number` from 1; `position` is how many bytes of the file it and those before it make up."""

    number: int
    raw: bytes
    position: int

    @property
    def digest(self) -> str:
        """What tells this line from another one with the same id."""
        return blake2b(self.raw, digest_size=16).hexdigest()

    def value(self) -> dict[str, Any]:
        """Return the object that it is. Raises Unfit."""
        try:
            found = json.loads(self.raw, parse_float=Decimal, parse_constant=_refused, object_pairs_hook=_object)
        except (ValueError, ArithmeticError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Unfit([Issue("error", "structure", "must be one JSON object, with each name once", "line")])
        return found


def find(folder: Path) -> list[Source]:
    """Return the files of a dump, in the order in which they are read. Raises ValueError for a folder that is none."""
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}.")
    names = {f"{name}{ending}": kind for kind, name in FILES.items() for ending in ("", ".gz")}
    there = {each.name: each for each in folder.iterdir() if each.is_file()}
    strange = sorted(each for each in there if ".jsonl" in each and each not in names and each != LETTERS)
    if strange:
        raise ValueError(
            f"{strange[0]} is no file of a dump; those are {', '.join(FILES.values())}, plain or with .gz."
        )
    found = [Source(kind, there[name], there[name].stat().st_size) for name, kind in names.items() if name in there]
    if len({each.kind for each in found}) < len(found):
        raise ValueError("A file is there twice, plain and with .gz: leave one.")
    if not found:
        raise ValueError(f"There is nothing to move in: the folder has none of {', '.join(FILES.values())}.")
    return found


def lines(source: Source) -> Iterator[Line]:
    """Yield the lines of a file that are not blank. Raises OSError, EOFError or zlib.error when it cannot be read."""
    with source.path.open("rb") as file:
        unpacked = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if source.path.suffix == ".gz" else file
        position = 0
        for number, raw in enumerate(unpacked, 1):
            position = position + len(raw) if unpacked is file else file.tell()
            if stripped := raw.strip():
                yield Line(number, stripped, position)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError
    return made


def _refused(name: str) -> None:
    raise ValueError(name)
