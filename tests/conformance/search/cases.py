"""Cases as they are written in the JSON files beside this one; README.md says what each key means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jiter

Json = dict[str, Any]

FOLDER = Path(__file__).parent
TOPIC_KEYS = frozenset(("section", "resources", "steps", "cases"))
ASKING = frozenset(("why", "section", "request", "headers", "form", "during", "cursor"))
ANSWERED = frozenset(("ids", "ordered", "included", "total", "pages", "self", "ignored", "warns", "shows"))
REFUSED = frozenset(("status", "issue"))
_COUNTING = re.compile(r"\{1\.\.(\d+)\}")
# What may stand in a query as it is. "%" too, so that a case can write %26 for an & that separates nothing.
_PLAIN = "+%=&?/:|,$;@!'()*~[]^`-._"


@dataclass(frozen=True, slots=True)
class Case:
    """One request and what must come of it; `told` holds the keys of the file."""

    topic: str
    number: int
    section: str
    told: Json = field(repr=False)

    @property
    def name(self) -> str:
        """The case in a few words, for the list of tests."""
        words = re.sub(r"[^a-z0-9]+", "-", self.told["why"].lower()).strip("-")
        return f"{self.topic}-{self.number:02}-{words[:70].rstrip('-')}"


@dataclass(frozen=True, slots=True)
class Topic:
    """One file: what is put into the store, in which order, and its cases."""

    name: str
    resources: tuple[Json, ...]
    steps: tuple[Json, ...]
    cases: tuple[Case, ...]


def read_topic(path: Path) -> Topic:
    """Return the topic in the file at `path`. Raises ValueError for keys that no case has."""
    told: Json = jiter.from_json(path.read_bytes(), float_mode="decimal", catch_duplicate_keys=True)
    if unknown := told.keys() - TOPIC_KEYS:
        raise ValueError(f"{path.name}: no topic has {sorted(unknown)}")
    cases = [Case(path.stem, n, each.get("section", told["section"]), each) for n, each in enumerate(told["cases"], 1)]
    for case in cases:
        _check(case)
    return Topic(path.stem, tuple(told["resources"]), tuple(told.get("steps", ())), tuple(cases))


def topics() -> list[Topic]:
    """Return every topic, by name."""
    return [read_topic(path) for path in sorted(FOLDER.glob("*.json"))]


def target(request: str) -> tuple[str, str, str]:
    """Return method, path below the base and encoded query of a request as a case writes it."""
    method, _, url = request.partition(" ")
    path, _, query = url.partition("?")
    return method, path, encoded(query)


def encoded(query: str) -> str:
    """Return a query or form as it goes over the wire; `{1..5}` stands for `1,2,3,4,5`."""
    spelt = _COUNTING.sub(lambda match: ",".join(map(str, range(1, int(match[1]) + 1))), query)
    return quote(spelt, safe=_PLAIN)


def _check(case: Case) -> None:
    told = case.told
    answered, refused = told.keys() & ANSWERED, told.keys() & REFUSED
    if unknown := told.keys() - ASKING - ANSWERED - REFUSED:
        raise ValueError(f"{case.name}: no case has {sorted(unknown)}")
    if bool(answered) == bool(refused) or not {"why", "request"} <= told.keys():
        raise ValueError(f"{case.name}: a case says why, what is asked, and either the answer or the refusal")
