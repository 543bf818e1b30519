"""A path as values: the steps from a resource to one element, each with the conditions on its items.

A path is the part of FHIRPath that can be turned round: members, `extension('url')`, `where(...)` of equalities and
`exists()`, and `ofType(...)` for a choice. `parse_path` makes it, `read_path` and `write_path` go it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One JSON property: `key`, whether it `repeats` (a JSON array), and what its items must be like.

    `beside` is the property with what stands beside a primitive (`_birthDate`). `instead` are the properties of the
    other types of a choice, of which a resource has one.
    """

    key: str
    repeats: bool
    conditions: tuple[Condition, ...] = ()
    instead: tuple[str, ...] = field(default=(), compare=False)
    beside: str = field(init=False, default="", compare=False)

    def __post_init__(self) -> None:
        """Name the property beside it."""
        object.__setattr__(self, "beside", f"_{self.key}")


@dataclass(frozen=True, slots=True)
class Condition:
    """What `steps`, from an item on, lead to: exactly the one value `equals`, or anything where that is None.

    With `begins` the one text only has to begin with it. That cannot be made, so the path has to write it.
    """

    steps: tuple[Step, ...]
    equals: str | bool | None
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """The way from a resource of `type` to an element; `text` is the FHIRPath it was written as."""

    text: str
    type: str
    steps: tuple[Step, ...]


class Leaf(NamedTuple):
    """What stands at the end of a path: a JSON value, and for primitives what is `beside` it (`_birthDate`)."""

    value: Any
    beside: Json | None = None
