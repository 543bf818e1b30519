"""Responses beside their questionnaire, beyond the pairs of tests/conformance/validation."""

from __future__ import annotations

from typing import Any

from profiles.issues import Issue
from profiles.terminology.errors import NotExpandable
from profiles.validation.answers import answer_issues

Json = dict[str, Any]


def item(name: str, kind: str = "string", **more: Any) -> Json:
    return {"linkId": name, "type": kind, **more}


def answer(name: str, *values: Json, **more: Any) -> Json:
    return {"linkId": name, "answer": [*values], **more}


def told(asked: list[Json], given: list[Json], status: str = "completed") -> list[tuple[str, str, str | None]]:
    def member(value_set: str, coding: Json) -> bool:
        if value_set == "http://big":
            raise NotExpandable(value_set, "it is big", "ask for less")
        return coding["code"] == "in"

    response = {"resourceType": "QuestionnaireResponse", "status": status, "item": given}
    issues: list[Issue] = answer_issues(response, {"item": asked}, "R", member)
    return [(each.severity, each.code, each.expression) for each in issues]


def test_items_come_in_the_order_of_the_questionnaire() -> None:
    asked = [item("a"), item("b")]
    assert told(asked, [answer("a", {"valueString": "x"}), answer("b", {"valueString": "x"})]) == []
    assert told(asked, [answer("b", {"valueString": "x"}), answer("a", {"valueString": "x"})]) == [
        ("error", "structure", "R.item[1]")
    ]


def test_a_group_may_repeat_where_it_says_so() -> None:
    group = item("g", "group", item=[item("n", required=True)])
    given = [{"linkId": "g", "item": [answer("n", {"valueString": "x"})]}] * 2
    assert told([{**group, "repeats": True}], given) == []
    assert told([group], given) == [("error", "structure", "R.item[1]")]
    assert told([group], [{"linkId": "g", "item": []}]) == [("error", "required", "R.item[0]")]


def test_questions_below_an_answer_stand_in_it() -> None:
    asked = [item("a", item=[item("b")])]
    inside = {"valueString": "x", "item": [answer("b", {"valueString": "y"})]}
    assert told(asked, [answer("a", inside)]) == []
    beside = answer("a", {"valueString": "x"}, item=[answer("b", {"valueString": "y"})])
    assert told(asked, [beside]) == [("error", "structure", "R.item[0].item")]


def test_what_is_only_displayed_has_no_answer() -> None:
    assert told([item("d", "display")], [answer("d", {"valueString": "x"})]) == [("error", "structure", "R.item[0]")]


def test_an_open_choice_takes_words_of_ones_own() -> None:
    asked = [item("c", "open-choice", answerValueSet="http://set")]
    assert told(asked, [answer("c", {"valueString": "mine"})]) == []
    assert told(asked, [answer("c", {"valueCoding": {"code": "in"}})]) == []
    assert told(asked, [answer("c", {"valueCoding": {"code": "out"}})]) == [
        ("error", "code-invalid", "R.item[0].answer[0].value")
    ]


def test_a_value_set_that_cannot_be_expanded_is_told() -> None:
    asked = [item("c", "choice", answerValueSet="http://big")]
    assert told(asked, [answer("c", {"valueCoding": {"code": "x"}})]) == [
        ("information", "not-supported", "R.item[0].answer[0].value")
    ]


def test_a_response_in_progress_may_lack_answers() -> None:
    asked = [item("a", required=True)]
    assert told(asked, [], "in-progress") == []
    assert told(asked, [], "amended") == [("error", "required", "R")]
