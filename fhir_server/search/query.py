"""The query tree: what `parse` makes of a URL, what the compiler makes SQL of, what `match` defines.

Every leaf names an index form (see `values`) and holds values that are already normalized.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]


@dataclass(frozen=True, slots=True)
class And:
    """Every one of `nodes`; true when empty."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of `nodes`; false when empty."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What `node` does not match."""

    node: Node


@dataclass(frozen=True, slots=True)
class Token:
    """A token entry; `system` None means any, "" means none; `code` None means any code of the system.

    Codes compare without case unless `case_sensitive`.
    """

    name: str
    system: str | None
    code: str | None
    case_sensitive: bool = False


@dataclass(frozen=True, slots=True)
class String:
    """A string entry: `prefix` and `contains` compare `text` with the folded form, `exact` with the exact one."""

    name: str
    text: str
    mode: Literal["prefix", "contains", "exact"] = "prefix"


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference entry to `type`/`id`; `version` 0 means any version."""

    name: str
    type: str
    id: str
    version: int = 0


@dataclass(frozen=True, slots=True)
class Uri:
    """A uri entry; `version` "" means any version; `below` compares by prefix."""

    name: str
    uri: str
    version: str = ""
    below: bool = False


@dataclass(frozen=True, slots=True)
class Date:
    """A date entry compared with the closed range `low`..`high` by the rules of `prefix`."""

    name: str
    prefix: Prefix
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Id:
    """Resources whose logical id is one of `ids`."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LastUpdated:
    """Versions whose time compares with `low`..`high` by the rules of `prefix`."""

    prefix: Prefix
    low: int
    high: int


Entry = Token | String | Reference | Uri | Date
Node = And | Or | Not | Entry | Id | LastUpdated

EVERYTHING = And(())
NOTHING = Or(())


@dataclass(frozen=True, slots=True)
class Query:
    """A search of one type: `where`, at most `count` matches after the row `after`, as of commit `position`.

    `position` None means the newest; matches come in the order of their rows, which is the order of commits.
    """

    type: str
    where: Node = EVERYTHING
    count: int = 100
    after: int = 0
    position: int | None = None
