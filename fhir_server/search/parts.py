"""What single parameters were read as lately: most searches are new in one of their parameters, and old in the others.

A parameter means the same wherever it stands, unless it says `ap`, which hangs on the moment.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any

from fhir_server.search.query import (
    And,
    Date,
    Id,
    Include,
    LastUpdated,
    Not,
    Or,
    Owned,
    Reference,
    Sort,
    String,
    Target,
    Token,
    Uri,
)

MOST = 16_384
"""How many are kept at most; then it starts afresh."""
LONGEST = 256
"""Characters of a value that is kept."""


# Most of what is asked for. Looking through the fields of all else takes as long as reading it did.
_TIMELESS = frozenset((Token, String, Reference, Uri, Id, Owned, Sort, Include, str, NoneType))


class Parts:
    """What parameters were read as, by the types they are of, their name and their value."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Any] = {}
        self.get = self._found.get
        self.clear = self._found.clear

    def keep(self, key: tuple[tuple[str, ...], str, str], found: tuple[Any, ...]) -> None:
        """Keep what was read, unless it means something else at another moment, or is long."""
        if len(key[2]) <= LONGEST and is_timeless(found):
            if len(self._found) >= MOST:
                self._found.clear()
            self._found[key] = found


def is_timeless(part: Any) -> bool:
    """Return whether a part of a query means the same at any moment."""
    if part.__class__ in _TIMELESS:
        return True
    match part:
        case tuple():
            return all(map(is_timeless, part))
        case Target(_, inner) | Not(inner):
            return is_timeless(inner)
        case And(nodes) | Or(nodes):
            return all(map(is_timeless, nodes))
        case Date(prefix=prefix) | LastUpdated(prefix):
            return prefix != "ap"
    return not is_dataclass(part) or all(is_timeless(getattr(part, each.name)) for each in fields(part))
