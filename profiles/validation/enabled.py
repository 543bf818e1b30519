"""enableWhen: whether an item of a questionnaire is enabled by the answers of a response.

http://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from profiles.datatypes import temporal
from profiles.validation.prose.finding import Json, objects, text_of


def is_enabled(question: Json, response: Json) -> bool:
    """Return whether the conditions of an item hold; without any it is enabled."""
    conditions = [each for _, each in objects(question, "enableWhen")]
    if not conditions:
        return True
    held = (_holds(each, [*_answers(response, text_of(each, "question"))]) for each in conditions)
    return any(held) if question.get("enableBehavior") == "any" else all(held)


def _answers(holder: Json, name: str) -> Iterator[Any]:
    """Yield the values of all answers to the item `name`."""
    queue = [holder]
    while queue:
        each = queue.pop()
        items = [item for _, item in objects(each, "item")]
        for item in items:
            given = [answer for _, answer in objects(item, "answer")]
            queue += given
            if item.get("linkId") == name:
                yield from (answer[key] for answer in given for key in answer if key.startswith("value"))
        queue += items


def _holds(condition: Json, answers: list[Any]) -> bool:
    operator = condition.get("operator")
    wanted = next((condition[name] for name in condition if name.startswith("answer")), None)
    if operator == "exists":
        return bool(answers) is (wanted is True)
    if operator == "!=":
        return bool(answers) and all(_order(each, wanted) != 0 for each in answers)
    accepted = {"=": (0,), ">": (1,), "<": (-1,), ">=": (0, 1), "<=": (-1, 0)}.get(str(operator), ())
    return any(_order(each, wanted) in accepted for each in answers)


def _order(given: Any, wanted: Any) -> int | None:
    """Return -1, 0 or 1, None where there is no order."""
    if isinstance(given, dict) and isinstance(wanted, dict):
        if "value" in given and "value" in wanted:
            return _order(given["value"], wanted["value"])
        keys = ("system", "code") if "code" in wanted else ("reference",)
        return 0 if all(given.get(key) == wanted.get(key) for key in keys) else None
    if isinstance(given, bool) or isinstance(wanted, bool):
        return 0 if given is wanted else None
    if isinstance(given, int | Decimal) and isinstance(wanted, int | Decimal):
        return int(given > wanted) - int(given < wanted)
    if isinstance(given, str) and isinstance(wanted, str):
        return 0 if given == wanted else _moments(given, wanted)
    return None


def _moments(given: str, wanted: str) -> int | None:
    for parse in (temporal.parse_date_time, temporal.parse_time):
        try:
            return temporal.compare(parse(given), parse(wanted))
        except ValueError:
            continue
    return None
