"""The resources in a file, and where in it each of their elements stands."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fhir_server.errors import ParseFailed
from fhir_server.loading.sources import ENDINGS, LINES, UNREADABLE
from fhir_server.model.fhir_json import parse
from fhir_server.model.places import JsonPlaces, Place, XmlPlaces
from profiles.issues import Issue

XML = ".xml"
ALL_ENDINGS = (*ENDINGS, XML)
"""How files end that can be validated, plain or with .gz."""
_POSITION = re.compile(r",? at line (\d+)(?: column (\d+))?| \(line (\d+)\)")


@dataclass(frozen=True, slots=True)
class Document:
    """One resource of a file; `place` finds its elements.

    Where it cannot be read as FHIR `resource` is None and `faults` say why, each with its place.
    """

    resource: dict[str, Any] | None
    place: Callable[[str | None], Place]
    faults: Sequence[tuple[Issue, Place]] = ()


def documents(path: Path) -> Iterator[Document]:
    """Yield the resources of a JSON, NDJSON or XML file, plain or gzipped; never raises for what is in it.

    Raises OSError when it cannot be opened.
    """
    ending = path.with_suffix("").suffix if path.suffix.lower() == ".gz" else path.suffix
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            if ending.lower() in LINES:
                for number, line in enumerate(file):
                    if line.strip():
                        yield _json(line, number)
                return
            body = file.read()
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        yield _broken([Issue("fatal", "structure", f"The file cannot be read: {error}.")])
        return
    yield _xml(body) if ending.lower() == XML else _json(body)


def _json(body: bytes, before: int = 0) -> Document:
    """Return the document of a JSON text; `before` lines of the file precede it."""
    try:
        value = parse(body)
    except ParseFailed as refusal:
        return _broken(refusal.issues, before)
    if not isinstance(value, dict):
        return _broken([Issue("fatal", "structure", "A resource is a JSON object with a resourceType.")], before)
    places = JsonPlaces(body)

    def place(expression: str | None) -> Place:
        found = places.find(expression)
        return found._replace(line=found.line + before)

    return Document(value, place)


def _xml(body: bytes) -> Document:
    from fhir_server.model.fhir_xml import resource_of
    from fhir_server.model.xml_reader import read_xml

    try:
        root = read_xml(body)
        places = XmlPlaces(root)
        return Document(resource_of(root), places.find)
    except ParseFailed as refusal:
        return _broken(refusal.issues)


def _broken(issues: Sequence[Issue], before: int = 0) -> Document:
    # The sentence counts lines from where its text begins; the place does from where the file does.
    faults = [
        (replace(issue, message=_POSITION.sub("", issue.message)), _stated(issue.message, before)) for issue in issues
    ]
    return Document(None, lambda _: Place(1 + before), faults)


def _stated(message: str, before: int) -> Place:
    """Return the place that a parser's sentence states, the beginning where it states none."""
    found = _POSITION.search(message)
    if found is None:
        return Place(1 + before)
    return Place(int(found[1] or found[3]) + before, int(found[2]) if found[2] else None)
