"""What a rule stated in prose finds at an element."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from profiles.issues import Severity

Json = dict[str, Any]


class Finding(NamedTuple):
    """One finding: `what` continues the sentence that begins with the element's path; `below` leads to it from there.

    `lenient` marks what HL7's validator calls an error though the standard's own examples break it: a warning here,
    an error for who asks for strictness.
    """

    code: str
    below: str
    what: str
    severity: Severity = "error"
    lenient: bool = False


Check = Callable[[Any], Iterator[Finding]]
"""A value whose structure is right -> what is wrong with its content."""


LENIENT = "lenient"
"""The `rule` of the issue of a lenient finding."""


def lenient(code: str, below: str, what: str) -> Finding:
    """Return a lenient finding."""
    return Finding(code, below, what, "warning", True)


def objects(holder: Json, name: str) -> list[tuple[str, Json]]:
    """Return (`name[0]`, object) of each object in an array, [] where there is none."""
    found = holder.get(name)
    if not isinstance(found, list):
        return []
    return [(f"{name}[{at}]", each) for at, each in enumerate(found) if isinstance(each, dict)]


def text_of(holder: Json, name: str) -> str:
    """Return a string property, "" where there is none."""
    found = holder.get(name)
    return found if isinstance(found, str) else ""
