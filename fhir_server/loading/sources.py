"""Which files there are to load, and their content as entries of Bundles, in order.

A file is a Bundle, a single resource, or NDJSON (one resource a line), each plain or gzipped. Its digest, of the
unpacked content, is what a finished load is remembered by: the same content under another name is not loaded twice.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from fhir_server.errors import ParseFailed, Unprocessable
from fhir_server.loading.entries import Item, bundle_items, is_whole
from fhir_server.model.fhir_json import parse

LINES = (".ndjson", ".jsonl")
ENDINGS = (".json", *LINES)
BLOCK = 1024 * 1024
UNREADABLE = (OSError, EOFError, zlib.error)


class NotFhir(Exception):
    """A JSON file that holds no FHIR resource."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to load of `size` bytes; `named` when the user named it, rather than a folder around it."""

    path: Path
    named: bool
    size: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: either one Bundle that goes in whole or not at all, or a row of items that stand alone.

    `position()` is how many bytes of the file the items taken so far make up, for a progress bar.
    """

    digest: str
    whole: dict[str, Any] | None
    items: Iterator[Item]
    position: Callable[[], int] = lambda: 0


def find(paths: Sequence[Path], endings: Sequence[str] = ENDINGS) -> list[Source]:
    """Return the files under `paths` with one of the `endings`: the arguments in their order, within a folder by name.

    Raises FileNotFoundError, and ValueError for a named file whose ending is not one of `endings`.
    """
    found = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file() and _ending(file) in endings)
            found += [Source(file, False, file.stat().st_size) for file in inside]
        elif not path.exists():
            raise FileNotFoundError(f"{path} does not exist.")
        elif _ending(path) not in endings:
            raise ValueError(f"{path.name} ends in none of {', '.join(endings)}, plain or with .gz.")
        else:
            found.append(Source(path, True, path.stat().st_size))
    return found


def read(source: Source, open_files: ExitStack) -> Content:
    """Return what `source` holds; NDJSON is read as its items are taken, and closed with `open_files`.

    Raises a Refusal that says what is wrong with it, or NotFhir for JSON that is no resource.
    """
    try:
        raw = open_files.enter_context(source.path.open("rb"))
        unpacked = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if source.path.suffix.lower() == ".gz" else raw
        if _ending(source.path) in LINES:
            digest = _digest(unpacked)
            unpacked.seek(0)
            return Content(digest, None, _lines(unpacked), raw.tell)
        body = unpacked.read()
    except UNREADABLE as error:
        raise ParseFailed(f"The file cannot be read: {error}") from error
    value = parse(body)
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        raise NotFhir("It is JSON, but no FHIR resource: resourceType is missing.")
    digest = hashlib.sha256(body).hexdigest()
    if is_whole(value):
        return Content(digest, value, iter(()))
    return Content(digest, None, bundle_items(value))


def _ending(path: Path) -> str:
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] == ".gz":
        endings.pop()
    return endings[-1] if endings else ""


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while piece := file.read(BLOCK):
        digest.update(piece)
    return digest.hexdigest()


def _lines(file: BinaryIO) -> Iterator[Item]:
    try:
        for number, line in enumerate(file):
            yield _line(number, line.strip())
    except UNREADABLE as error:
        raise ParseFailed(f"The file cannot be read to its end: {error}") from error


def _line(number: int, line: bytes) -> Item:
    return Item(number, len(line), lambda: _resource(line))


def _resource(line: bytes) -> dict[str, Any]:
    value = parse(line)
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        raise Unprocessable("A line of NDJSON holds one resource, as a JSON object with a resourceType.")
    return value
