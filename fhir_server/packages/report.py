"""What became of a package: values for whoever shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

State = Literal["installed", "replaced", "unchanged"]


@dataclass(frozen=True, slots=True)
class Report:
    """A package that is in.

    `label` is what the archive calls itself, `parts` what it is installed as, each with its number of definitions.
    `counts` are the definitions by type, `examples` the resources that were left out, `loaded` those that were not.
    `missing` are the dependencies
    that are not installed, `unresolved` the canonicals that nothing here defines, with a definition that names each.
    """

    label: str
    title: str
    state: State
    parts: Sequence[tuple[str, int]]
    counts: Mapping[str, int]
    examples: int
    loaded: int = 0
    missing: Sequence[str] = ()
    unresolved: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """Packages that are out: their labels, how many definitions went with them, and who depends on them still.

    `examples` is how many examples went too, `kept` those that stay because somebody has changed them, as `Type/id`.
    """

    labels: Sequence[str]
    definitions: int
    dependents: Sequence[str]
    examples: int = 0
    kept: Sequence[str] = ()
