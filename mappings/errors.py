"""Why a mapping refuses."""

from __future__ import annotations

from collections.abc import Sequence

from profiles.issues import Issue


class Unfit(Exception):
    """A view cannot be written as it is: `issues` say why, each with the name of the field as its expression."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__("; ".join(f"{each.expression}: {each.message}" for each in issues))
        self.issues = tuple(issues)

    @property
    def fields(self) -> dict[str, list[str]]:
        """What is wrong, by name of field: `{"soap.plan": ["must not be blank"]}`."""
        found: dict[str, list[str]] = {}
        for each in self.issues:
            found.setdefault(each.expression or "", []).append(each.message)
        return found


class Incomplete(Exception):
    """A document cannot be made: `references` are to resources that belong into it and were not given."""

    def __init__(self, references: Sequence[str]) -> None:
        super().__init__(f"the document lacks {len(references)} of the resources that it refers to")
        self.references = tuple(references)
