"""What is said of a loaded code system as a whole: enough to read a value set over it, none of its codes.

See http://hl7.org/fhir/R4/codesystem.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["code", "string", "boolean", "integer", "decimal", "dateTime", "Coding"]
"""The types that a property of a concept can have."""


@dataclass(frozen=True, slots=True)
class Head:
    """One version of a code system in the concept store.

    `key` is its number there, `count` how many concepts it has, `time` when it came, in microseconds since 1970.
    `hierarchical` says that any concept has a parent, `meaning` is the hierarchyMeaning where it is stated.
    `compositional` says that codes can also be built by a grammar; those are not here. `properties` are the properties
    its concepts have, by code. `language` is that of its displays, `case_sensitive` is None where nothing is said.
    `source` is the place of the CodeSystem resource that it indexes (`CodeSystem/id`), `number` the version of that;
    "" and 0 where it was loaded.
    """

    key: int
    url: str
    version: str | None
    name: str
    count: int = 0
    time: int = 0
    language: str | None = None
    case_sensitive: bool | None = None
    hierarchical: bool = False
    meaning: str | None = "is-a"
    compositional: bool = False
    properties: Mapping[str, Kind] = field(default_factory=dict)
    source: str = ""
    number: int = 0

    @property
    def subsuming(self) -> bool:
        """Whether its hierarchy means "is a"."""
        return self.hierarchical and self.meaning in ("is-a", None)
