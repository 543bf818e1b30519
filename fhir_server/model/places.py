"""Where in a text an element stands: from a FHIRPath expression, as findings carry it, to line and column.

Only the containers on the way are looked through, and remembered: a thousand findings in one file cost little more than
one. Lines and columns begin at 1; a column counts characters. Where an element is missing it is its nearest ancestor's
place that is told.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from profiles.definitions import type_names

_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\()?(?:\[(\d+)\])?")
_SPACE = re.compile(rb"[ \t\r\n]*")
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.S)
_SHAPE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.S)
_PLAIN = re.compile(rb"[^,\]}\s]+")
_OPEN, _CLOSED = b"{[", b"}]"
_MARK = b"\xef\xbb\xbf"


class Place(NamedTuple):
    """A line, and a column where that is known."""

    line: int
    column: int | None = None


class Step(NamedTuple):
    """One part of an expression: a name, and the number of the item in brackets."""

    name: str
    number: int | None


class Member(NamedTuple):
    """What an object or array holds: `at` is where it begins, its name included, `value` where its value does."""

    name: str
    at: int
    value: int


def steps_of(expression: str) -> list[Step]:
    """Return the steps below the resource, up to the first one that is no element but a function."""
    found: list[Step] = []
    for match in _STEP.finditer(expression):
        if match[2]:
            break
        found.append(Step(match[1], int(match[3]) if match[3] else None))
    return found[1:] if found and found[0].name[0].isupper() else found


class JsonPlaces:
    """Finds places in one JSON text, which must be valid."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._members: dict[int, list[Member]] = {}
        self._lines: list[int] | None = None

    def find(self, expression: str | None) -> Place:
        """Return the place of an element, or of its nearest ancestor that is there."""
        start = self._after_space(len(_MARK) if self._text.startswith(_MARK) else 0)
        at = value = start
        steps = steps_of(expression or "")
        for number, step in enumerate(steps):
            found = self._member(value, step, number + 1 < len(steps))
            if found is None:
                break
            at, value = found.at, found.value
        return self._place(at)

    def _member(self, at: int, step: Step, further: bool) -> Member | None:
        """Return what a step leads to; `further` says that there must be something inside it."""
        there = {each.name: each for each in self._inside(at)} if self._text[at : at + 1] == b"{" else {}
        found = None
        for name in _names(step.name, there):
            found = self._item(there[name], step.number)
            if found is not None and not (further and self._text[found.value] not in _OPEN):
                return found
        return found

    def _item(self, member: Member, index: int | None) -> Member | None:
        if index is None or self._text[member.value : member.value + 1] != b"[":
            return member
        items = self._inside(member.value)
        return items[index] if index < len(items) else None

    def _inside(self, at: int) -> list[Member]:
        found = self._members.get(at)
        if found is None:
            found = self._members[at] = list(self._scan(at))
        return found

    def _scan(self, at: int) -> Iterator[Member]:
        """Yield the members of the object or array at `at`."""
        text, named = self._text, self._text[at : at + 1] == b"{"
        at = self._after_space(at + 1)
        while text[at] not in _CLOSED:
            begin, name = at, ""
            if named:
                end = self._end(at)
                name = text[at + 1 : end - 1].decode()
                at = self._after_space(self._after_space(end) + 1)
            yield Member(name, begin, at)
            at = self._after_space(self._end(at))
            if text[at : at + 1] == b",":
                at = self._after_space(at + 1)

    def _end(self, at: int) -> int:
        """Return where the value at `at` ends."""
        first = self._text[at : at + 1]
        if first == b'"' or first not in (b"{", b"["):
            match = (_TEXT if first == b'"' else _PLAIN).match(self._text, at)
            return match.end() if match else len(self._text)
        depth = 0
        for token in _SHAPE.finditer(self._text, at):
            one = token[0]
            depth += (one in (b"{", b"[")) - (one in (b"}", b"]"))
            if depth == 0:
                return token.end()
        return len(self._text)

    def _after_space(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def _place(self, at: int) -> Place:
        if self._lines is None:
            self._lines = [0, *(match.end() for match in re.finditer(rb"\n", self._text))]
        line = bisect_right(self._lines, at)
        before = self._text[self._lines[line - 1] : at].removeprefix(_MARK)
        return Place(line, len(before.decode(errors="replace")) + 1)


class XmlPlaces:
    """Finds the lines of elements below the root element of FHIR XML; its reader knows no columns."""

    def __init__(self, root: etree._Element) -> None:
        self._root = root

    def find(self, expression: str | None) -> Place:
        """Return the line of an element, or of its nearest ancestor that is there."""
        at = self._root
        for step in steps_of(expression or ""):
            there: dict[str, list[etree._Element]] = {}
            for child in at.iterchildren("{*}*"):
                there.setdefault(etree.QName(child).localname, []).append(child)
            found = next((there[name] for name in _names(step.name, there)), [])
            index = step.number or 0
            if index >= len(found):
                break
            at = found[index]
            if step.name in ("resource", "contained") and len(at) == 1 and etree.QName(at[0]).localname[0].isupper():
                at = at[0]
        return Place(int(str(at.sourceline)) if at.sourceline else 1)


def _names(name: str, there: dict[str, Member] | dict[str, list[etree._Element]]) -> Iterator[str]:
    """Yield what an element may be called: itself, with its sibling of a primitive, or by the type of its choice."""
    yield from (each for each in (name, f"_{name}") if each in there)
    for each in there:
        bare = each.removeprefix("_")
        if bare.startswith(name) and _is_type(bare[len(name) :]):
            yield each


def _is_type(name: str) -> bool:
    return name[:1].isupper() and (name in type_names() or name[0].lower() + name[1:] in type_names())
