"""What the leaves of a query mean: which of a version's own index entries they find.

The prefixes: http://hl7.org/fhir/R4/search.html#prefix. A range stands for each point in it: a value of a resource that
is a range, and a value searched for that has limited precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fhir_server.search.geometry import distance
from fhir_server.search.query import (
    Canonical,
    Date,
    Entry,
    Near,
    Number,
    Prefix,
    Present,
    Quantity,
    Reference,
    Selected,
    String,
    Token,
    Uri,
    Words,
)
from fhir_server.search.values import FORMS, STATED, IndexEntries, fold_code, normal

Compare = Callable[[Any, Any, Any, Any], bool]

COMPARE: dict[Prefix, Compare] = {
    "eq": lambda low, high, first, last: first <= low and high <= last,
    "ne": lambda low, high, first, last: not (first <= low and high <= last),
    "gt": lambda low, high, first, last: high > last,
    "lt": lambda low, high, first, last: low < first,
    "ge": lambda low, high, first, last: high > last or (first <= low and high <= last),
    "le": lambda low, high, first, last: low < first or (first <= low and high <= last),
    "sa": lambda low, high, first, last: low > last,
    "eb": lambda low, high, first, last: high < first,
    "ap": lambda low, high, first, last: low <= last and high >= first,
}
"""Per prefix, how the range low..high of a resource compares with the closed range first..last searched for."""

MEASURE: dict[Prefix, Compare] = {
    **COMPARE,
    "eq": lambda low, high, first, beyond: first <= low and high < beyond,
    "ne": lambda low, high, first, beyond: not (first <= low and high < beyond),
    "ge": lambda low, high, first, last: high >= first,
    "le": lambda low, high, first, last: low <= last,
}
"""The same for numbers, where `eq` and `ne` have a half-open range (100 is 99.5 to below 100.5), the others a point."""


def has(leaf: Entry, entries: IndexEntries) -> bool:
    """Return whether `entries` has one that `leaf` asks for."""
    return next(_groups(leaf, entries), None) is not None


def groups(leaf: Entry, entries: IndexEntries) -> set[int]:
    """Return the groups of the entries that `leaf` asks for."""
    return set(_groups(leaf, entries))


def _groups(leaf: Entry, entries: IndexEntries) -> Iterator[int]:
    match leaf:
        case Token():
            yield from (g for name, system, code, g in entries.tokens if name == leaf.name and _is(leaf, system, code))
        case Selected():
            raise TypeError("what concepts are selected is told by the world, not by the entries: see `match`")
        case String():
            yield from (
                g for name, norm, exact, g in entries.strings if name == leaf.name and _reads(leaf, norm, exact)
            )
        case Reference():
            wanted = (leaf.name, leaf.type, leaf.id)
            yield from (
                g
                for name, type, id, version, g in entries.references
                if (name, type, id) == wanted and leaf.version in (0, version)
            )
        case Uri():
            yield from (
                g for name, uri, version, g in entries.uris if name == leaf.name and _is_uri(leaf, uri, version)
            )
        case Date():
            compare = COMPARE[leaf.prefix]
            yield from (
                g
                for name, low, high, g in entries.dates
                if name == leaf.name and compare(low, high, leaf.low, leaf.high)
            )
        case Number():
            compare = MEASURE[leaf.prefix]
            yield from (
                g
                for name, low, high, g in entries.numbers
                if name == leaf.name and compare(low, high, leaf.low, leaf.high)
            )
        case Quantity():
            yield from _quantities(leaf, entries)
        case Near():
            yield from (
                g
                for name, latitude, longitude, g in entries.positions
                if name == leaf.name and distance(latitude, longitude, leaf.latitude, leaf.longitude) <= leaf.metres
            )
        case Present():
            yield from _present(leaf, entries)


def _quantities(leaf: Quantity, entries: IndexEntries) -> Iterator[int]:
    compare = MEASURE[leaf.prefix]
    for name, system, code, low, high, g in entries.quantities:
        if name != leaf.name or leaf.system not in (None, system) or leaf.code not in (None, code):
            continue
        if compare(low, high, leaf.low, leaf.high):
            yield g


def _present(leaf: Present, entries: IndexEntries) -> Iterator[int]:
    if leaf.target:
        yield from (g for name, type, _, _, g in entries.references if name == leaf.name and type == leaf.target)
        elsewhere, unfound = f"/{leaf.target}/", leaf.name + STATED
        yield from (g for name, uri, _, g in entries.uris if name == leaf.name and elsewhere in uri)
        yield from (g for name, type, _, g in entries.tokens if name == unfound and type == leaf.target)
        return
    forms = {leaf.name + form for form in FORMS}
    yield from (each[-1] for each in entries.all() if each[0] in forms)


def _is(leaf: Token, system: str, code: str) -> bool:
    if leaf.system is not None and leaf.system != system:
        return False
    if leaf.code is None or leaf.code == code:
        return True
    return not leaf.case_sensitive and fold_code(leaf.code) == fold_code(code)


def _reads(leaf: String, norm: str, exact: str) -> bool:
    if leaf.mode == "exact":
        return exact == leaf.text and norm == normal(leaf.text)
    if leaf.mode == "whole":
        return norm == leaf.text and exact != ""
    if leaf.mode == "suffix":
        return norm.endswith(leaf.text)
    return leaf.text in norm if leaf.mode == "contains" else norm.startswith(leaf.text)


def _is_uri(leaf: Uri, uri: str, version: str) -> bool:
    if leaf.mode == "below" and leaf.version:
        return uri == leaf.uri and (version == leaf.version or version.startswith(leaf.version + "."))
    if leaf.mode == "below":
        return uri.startswith(leaf.uri)
    if leaf.mode == "above":
        return uri in ancestors(leaf.uri)
    return uri == leaf.uri and leaf.version in ("", version)


def ancestors(uri: str) -> tuple[str, ...]:
    """Return `uri` and each part of it that ends before a slash, or with one: what `:above` finds."""
    ends = [at for at, letter in enumerate(uri) if letter == "/"]
    return tuple(dict.fromkeys((uri, *(uri[:at] for at in ends if at), *(uri[: at + 1] for at in ends))))


def is_named(by: Canonical, uri: str, version: str, entries: IndexEntries) -> bool:
    """Return whether the canonical `uri` in `version` ("" for any) names what has these entries."""
    if not any(name == by.url and each == uri for name, each, _, _ in entries.uris):
        return False
    return not version or any(name == by.version and code == version for name, _, code, _ in entries.tokens)


def has_words(leaf: Words, entries: IndexEntries) -> bool:
    """Return whether every phrase is in the text; one of its two parts holds all of a phrase."""
    narrative, others = (text.split(" ") for text in entries.texts)
    parts = (narrative,) if leaf.narrative else (narrative, others)
    return all(any(_reads_phrase(words, is_open, part) for part in parts) for words, is_open in leaf.phrases)


def _reads_phrase(words: tuple[str, ...], is_open: bool, text: list[str]) -> bool:
    *whole, last = words
    for at in range(len(text) - len(whole)):
        if text[at : at + len(whole)] != whole:
            continue
        end = text[at + len(whole)]
        if end == last or (is_open and end.startswith(last)):
            return True
    return False
