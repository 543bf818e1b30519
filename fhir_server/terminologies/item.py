"""What a reader of a release gives, one after the other, and what it says of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from fhir_server.store.concepts import Naming, NewConcept
from profiles.terminology.head import Head, Kind


class Stated(NamedTuple):
    """A property of a concept that is there already."""

    code: str
    property: str
    kind: Kind
    value: str


class Edge(NamedTuple):
    """A concept and one immediately above it, both there already."""

    child: str
    parent: str


class Fault(NamedTuple):
    """A line that says nothing that can be kept, and why."""

    reason: str


What = NewConcept | Naming | Stated | Edge | Fault


class Item(NamedTuple):
    """One statement with its place, for messages.

    `loose` says that it may repeat what is there, or be about what is not: then nothing is made of it.
    """

    file: str
    line: int
    what: What
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a release: `head` says which system and version, `size` how many bytes its items are read from.

    Concepts come before what is said of them.
    """

    head: Head
    size: int
    items: Iterator[Item]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user says of a release, where it does not say so itself or says it otherwise."""

    url: str | None = None
    version: str | None = None
    language: str | None = None
