"""enableWhen: each operator, on answers of each type, anywhere in the response."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from profiles.validation.enabled import is_enabled

CODE = {"system": "http://a", "code": "x"}


def answered(**values: Any) -> dict[str, Any]:
    """Return a response with answers to the item a, the second of them below another answer."""
    found = [{"linkId": "a", "answer": [{name: value}]} for name, value in values.items()]
    return {"item": [{"linkId": "g", "answer": [{"valueString": "x", "item": found}]}]}


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "enabled"),
    [
        ("exists", {"answerBoolean": True}, {"valueString": "x"}, True),
        ("exists", {"answerBoolean": True}, {}, False),
        ("exists", {"answerBoolean": False}, {}, True),
        ("=", {"answerBoolean": True}, {"valueBoolean": True}, True),
        ("=", {"answerBoolean": True}, {"valueBoolean": False}, False),
        ("=", {"answerBoolean": True}, {"valueInteger": 1}, False),
        ("=", {"answerCoding": CODE}, {"valueCoding": {**CODE, "display": "X"}}, True),
        ("=", {"answerCoding": CODE}, {"valueCoding": {"code": "x"}}, False),
        ("!=", {"answerCoding": CODE}, {"valueCoding": {"code": "y"}}, True),
        ("!=", {"answerCoding": CODE}, {}, False),
        (">", {"answerInteger": 3}, {"valueInteger": 4}, True),
        (">", {"answerDecimal": Decimal("3.5")}, {"valueDecimal": Decimal("3.50")}, False),
        (">=", {"answerDecimal": Decimal("3.5")}, {"valueDecimal": Decimal("3.50")}, True),
        ("<", {"answerDate": "2020-02-01"}, {"valueDate": "2020-01-31"}, True),
        ("<=", {"answerTime": "10:00:00"}, {"valueTime": "10:00:00"}, True),
        ("<", {"answerQuantity": {"value": 3, "unit": "x"}}, {"valueQuantity": {"value": 2, "unit": "x"}}, True),
        ("=", {"answerReference": {"reference": "A/1"}}, {"valueReference": {"reference": "A/1"}}, True),
        ("<", {"answerString": "b"}, {"valueString": "a"}, False),
    ],
)
def test_a_condition(operator: str, wanted: dict[str, Any], given: dict[str, Any], enabled: bool) -> None:
    question = {"enableWhen": [{"question": "a", "operator": operator, **wanted}]}
    assert is_enabled(question, answered(**given)) is enabled


def test_without_conditions_an_item_is_enabled() -> None:
    assert is_enabled({}, {})


def test_conditions_are_joined_as_the_item_says() -> None:
    both = [{"question": "a", "operator": "=", "answerInteger": number} for number in (1, 2)]
    response = answered(valueInteger=1)
    assert not is_enabled({"enableWhen": both, "enableBehavior": "all"}, response)
    assert is_enabled({"enableWhen": both, "enableBehavior": "any"}, response)
