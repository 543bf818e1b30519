"""One client on one connection: single searches, and a walk over all pages of one."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]
LINK = re.compile(rb'\{"relation":"next","url":"([^"]+)"\}')
HEAD = 4096
"""Bytes at the start of a page, and at its end, where its links are."""


class Refused(Exception):
    """The answer was not 200; the text is the server's own."""


@dataclass(frozen=True, slots=True)
class Client:
    """Asks for what follows the base URL."""

    connection: http.client.HTTPConnection
    path: str

    def get(self, path: str) -> bytes:
        """Return the body of the answer. Raises Refused."""
        self.connection.request("GET", f"{self.path}/{path}", headers={"Accept": "application/fhir+json"})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise Refused(f"{answer.status} {_reason(body)}")
        return body

    def ask(self, path: str) -> Json:
        """Return the Bundle of the answer. Raises Refused."""
        found: Json = json.loads(self.get(path))
        return found


def _reason(body: bytes) -> str:
    try:
        issue = json.loads(body)["issue"][0]
        return str(issue.get("diagnostics") or issue.get("details", {}).get("text") or issue["code"])
    except (ValueError, LookupError):
        return "without an OperationOutcome"


@contextmanager
def client(base: str) -> Iterator[Client]:
    """Connect to the FHIR server at `base`."""
    parts = urlsplit(base)
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)) as connection:
        yield Client(connection, parts.path)


@dataclass(frozen=True, slots=True)
class Walked:
    """A walk: its pages as they came, and the seconds from the first request to the last byte."""

    pages: list[bytes]
    took: float

    def ids(self) -> list[str]:
        """Return the ids of all matches, in order."""
        bundles = (json.loads(page) for page in self.pages)
        return [entry["resource"]["id"] for bundle in bundles for entry in bundle.get("entry", [])]


def walk(asked: Client, path: str) -> Walked:
    """Follow the next links of a search to the end. The pages are not parsed before the clock stops."""
    pages: list[bytes] = []
    following: str | None = path
    started = time.perf_counter()
    while following is not None:
        pages.append(asked.get(following))
        url = _next(pages[-1])
        following = url and url.partition(f"{asked.path}/")[2]
    return Walked(pages, time.perf_counter() - started)


def _next(page: bytes) -> str | None:
    """Return the next link. Only a page where it does not stand as usual, such as the last, is parsed."""
    found = LINK.search(page, 0, HEAD) or LINK.search(page, max(0, len(page) - HEAD))
    if found:
        return found[1].decode()
    links = json.loads(page).get("link", [])
    return next((str(link["url"]) for link in links if link["relation"] == "next"), None)
