"""What is said of one concept: its display, its definition, and its designations in other words and languages.

See http://hl7.org/fhir/R4/codesystem.html#CodeSystem and http://hl7.org/fhir/R4/valueset.html#ValueSet, whose listed
concepts can say it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, tuple[Any, ...]]
"""Property code -> its values as JSON has them: str, bool, int, Decimal, or a dict for a Coding."""


@dataclass(frozen=True, slots=True)
class Designation:
    """Another way to say it; `use` is a Coding (R4 JSON)."""

    value: str
    language: str | None = None
    use: Mapping[str, Any] | None = None

    @property
    def json(self) -> dict[str, Any]:
        """The designation as R4 JSON."""
        whole = {"language": self.language, "use": self.use, "value": self.value}
        return {name: value for name, value in whole.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Concept:
    """What is known of a code; nothing has to be."""

    display: str | None = None
    definition: str | None = None
    designations: tuple[Designation, ...] = ()

    def display_in(self, language: str | None) -> str | None:
        """Return the display for a BCP 47 `language`: a designation in it, or in a kind of it, else the display."""
        if language is not None:
            for each in self.designations:
                if each.language is not None and speaks(each.language, language):
                    return each.value
        return self.display

    @property
    def names(self) -> tuple[str, ...]:
        """Every way to say it, the display first."""
        own = (self.display,) if self.display else ()
        return (*own, *(each.value for each in self.designations))


def speaks(language: str, asked: str) -> bool:
    """Return whether `language` is `asked` or a kind of it: `fr-CH` is French."""
    language, asked = language.lower(), asked.lower()
    return language == asked or language.startswith(f"{asked}-")


def designations_of(stated: Mapping[str, Any]) -> tuple[Designation, ...]:
    """Return the designations of a concept (R4 JSON of a CodeSystem or a ValueSet)."""
    rows = stated.get("designation", ())
    return tuple(Designation(each["value"], each.get("language"), each.get("use")) for each in rows if "value" in each)
