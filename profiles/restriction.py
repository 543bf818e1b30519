"""What a caller may see, as a frozen tree: built by `auth`, applied by the query compiler, defined by `search.match`.

A restriction is a required argument of every store method. There is no default: whoever means everything
writes `ALL`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class All:
    """Everything."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing at all."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What at least one of `items` allows; nothing when empty."""

    items: tuple[Restriction, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """What every one of `items` allows; everything when empty."""

    items: tuple[Restriction, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What `item` does not allow."""

    item: Restriction


@dataclass(frozen=True, slots=True)
class InCompartment:
    """Versions whose compartment owners include the resource `type`/`id`."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class HasLabel:
    """Versions that carry the security label `system`|`code` in `meta.security`."""

    system: str
    code: str


@dataclass(frozen=True, slots=True)
class WrittenBy:
    """Versions written by `author`."""

    author: str


@dataclass(frozen=True, slots=True)
class Matches:
    """Resources of `type` that match the search `parameters` (name, value), as in a URL."""

    type: str
    parameters: tuple[tuple[str, str], ...]


Restriction = All | Nothing | AnyOf | AllOf | Not | InCompartment | HasLabel | WrittenBy | Matches

ALL = All()
NONE = Nothing()
