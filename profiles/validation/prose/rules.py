"""The rules stated in prose, by the type they are about, in the form in which invariants are checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from profiles.issues import Issue
from profiles.validation.plain import Local
from profiles.validation.prose import data_types, definitions
from profiles.validation.prose.finding import LENIENT, Check

CHECKS: dict[str, Check] = {
    "Coding": data_types.coding,
    "Quantity": data_types.quantity,
    "Identifier": data_types.identifier,
    "Attachment": data_types.attachment,
    "canonical": data_types.canonical,
    **dict.fromkeys(("date", "dateTime", "instant"), data_types.date),
    "CodeSystem": definitions.code_system,
    "ValueSet": definitions.value_set,
    "Questionnaire": definitions.questionnaire,
    "SearchParameter": definitions.search_parameter,
    "StructureDefinition": definitions.structure_definition,
}
_QUANTITIES = ("Age", "Count", "Distance", "Duration", "MoneyQuantity", "SimpleQuantity")


class ProseRule:
    """One rule of prose: `plain` tells whether it holds, `issues` what is wrong, as with an invariant."""

    __slots__ = ("_check", "guard", "name", "plain", "sure")

    def __init__(self, name: str, check: Check, sure: Callable[[Any], bool] | None) -> None:
        self.name = name
        self.guard = None
        self.sure = None
        self._check = check

        def plain(value: Any, local: Local) -> bool:
            return (sure is not None and sure(value)) or next(check(value), None) is None

        self.plain = plain

    def issues(self, value: Any, path: str) -> list[Issue]:
        """Return what is wrong at `path`."""
        found = []
        for code, below, what, severity, lenient in self._check(value):
            where = f"{path}.{below}" if below else path
            found.append(Issue(severity, code, f"{where} {what}.", where, rule=LENIENT if lenient else None))
        return found


@cache
def prose_rules(type_name: str) -> tuple[ProseRule, ...]:
    """Return the rules of prose about a type, () for none."""
    name = "Quantity" if type_name in _QUANTITIES else type_name
    check = CHECKS.get(name)
    return (ProseRule(name, check, data_types.SURE.get(name)),) if check is not None else ()
