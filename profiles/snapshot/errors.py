"""Why no snapshot can be generated: the definition, the element, the rule."""

from __future__ import annotations

from typing import Literal

Rule = Literal[
    "base-missing",
    "base-circular",
    "type-mismatch",
    "not-supported",
    "no-elements",
    "element-unknown",
    "element-malformed",
    "cardinality",
    "type",
    "target",
    "profile-missing",
    "fixed",
    "binding",
    "must-support",
    "slicing",
    "too-large",
]


class SnapshotError(Exception):
    """A definition has no snapshot. `element` is the id of the element, "" where the definition as a whole is meant.

    `url` is the definition whose differential is at fault, which may be a base of the one that was asked for.
    """

    def __init__(self, element: str, rule: Rule, detail: str, url: str = "") -> None:
        super().__init__(detail)
        self.element = element
        self.rule = rule
        self.detail = detail
        self.url = url

    def __str__(self) -> str:
        where = " ".join(part for part in (self.url, self.element) if part)
        return f"{where}: {self.detail} ({self.rule})" if where else f"{self.detail} ({self.rule})"
