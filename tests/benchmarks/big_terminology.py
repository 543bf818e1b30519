"""A generated code system of any size, item by item, as a release would give it: nothing of it stays in memory."""

from __future__ import annotations

from collections.abc import Iterator

from fhir_server.store.concepts import NewConcept
from fhir_server.terminologies.item import Content, Edge, Item
from profiles.terminology.concept import Designation
from profiles.terminology.head import Head

URL = "http://example.org/fhir/CodeSystem/million"
CHILDREN = 10
_NOUNS = ("fever", "cough", "fracture", "oedema", "rash", "pain", "tremor", "burn", "ulcer", "cyst", "palsy")
_PLACES = ("wrist", "ankle", "lung", "liver", "knee", "eye", "ear", "skin", "heart", "hip", "jaw", "heel", "toe")


def big(concepts: int, version: str = "1") -> Content:
    """Return a system of `concepts` in a tree in which each has up to ten children, with names and translations."""
    head = Head(0, URL, version, "Million", language="en", case_sensitive=True)
    return Content(head, concepts, _items(concepts))


def code(number: int) -> str:
    """Return the code of a concept by its number from 0."""
    return f"{100_000_000 + number}"


def _items(concepts: int) -> Iterator[Item]:
    for number in range(concepts):
        noun, place = _NOUNS[number % len(_NOUNS)], _PLACES[number % len(_PLACES)]
        name = f"{noun} of the {place} type {number:,}"
        words = (Designation(f"{name}, en français", "fr"),)
        properties = [("place", "code", place)]
        what = NewConcept(code(number), name, None, number % 50 == 49, False, words, properties)  # type: ignore[arg-type]
        yield Item("generated", number, what)
    for number in range(1, concepts):
        yield Item("generated", number, Edge(code(number), code((number - 1) // CHILDREN)))
