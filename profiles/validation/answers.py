"""A QuestionnaireResponse beside its Questionnaire: items, types, required answers, enabled items, allowed answers.

http://hl7.org/fhir/R4/questionnaireresponse.html#link
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from profiles.issues import Issue
from profiles.terminology.errors import NotExpandable
from profiles.validation.enabled import is_enabled
from profiles.validation.prose.finding import Json, objects, text_of

Member = Callable[[str, Json], bool]
"""(value set, Coding) -> whether the coding is in it. Raises NotExpandable."""

ANSWERS: dict[str, tuple[str, ...]] = {
    "boolean": ("valueBoolean",),
    "decimal": ("valueDecimal",),
    "integer": ("valueInteger",),
    "date": ("valueDate",),
    "dateTime": ("valueDateTime",),
    "time": ("valueTime",),
    "string": ("valueString",),
    "text": ("valueString",),
    "url": ("valueUri",),
    "choice": ("valueCoding", "valueString", "valueDate", "valueTime", "valueInteger", "valueReference"),
    "open-choice": ("valueCoding", "valueString", "valueDate", "valueTime", "valueInteger", "valueReference"),
    "attachment": ("valueAttachment",),
    "reference": ("valueReference",),
    "quantity": ("valueQuantity",),
}
"""Type of an item -> properties that an answer to it may have."""
MAX_NESTING = 64


def answer_issues(response: Json, questionnaire: Mapping[str, Any], path: str, member: Member) -> list[Issue]:
    """Return what is wrong with the answers of a response, `path` being its FHIRPath."""
    finished = response.get("status") in ("completed", "amended")
    walk = _Walk(response, finished, member)
    return list(walk.items(response, dict(questionnaire), path, 0))


class _Walk:
    def __init__(self, response: Json, finished: bool, member: Member) -> None:
        self.response = response
        self.finished = finished
        self.member = member

    def items(self, holder: Json, asking: Json, path: str, depth: int) -> Iterator[Issue]:
        """Yield the findings about the items of a response, a group or an answer."""
        if depth > MAX_NESTING:
            return
        asked = {text_of(each, "linkId"): each for _, each in objects(asking, "item")}
        given: dict[str, list[tuple[str, Json]]] = {}
        order = [*asked]
        last = -1
        for below, item in objects(holder, "item"):
            name, where = text_of(item, "linkId"), f"{path}.{below}"
            if name not in asked:
                what = "has a linkId that the questionnaire does not have here; correct it or move the item"
                yield Issue("error", "structure", f"{where} {what}.", f"{where}.linkId")
                continue
            if order.index(name) < last:
                yield Issue("error", "structure", f"{where} is out of the order of the questionnaire.", where)
            last = max(last, order.index(name))
            given.setdefault(name, []).append((where, item))
        for name, question in asked.items():
            yield from self.one(question, given.get(name, []), path, depth)

    def one(self, question: Json, given: list[tuple[str, Json]], path: str, depth: int) -> Iterator[Issue]:
        """Yield the findings about the items for one item of the questionnaire."""
        kind, name = text_of(question, "type"), text_of(question, "linkId")
        if not is_enabled(question, self.response):
            for where, _ in given:
                what = "is not enabled by the answers to other items; leave it out"
                yield Issue("error", "structure", f"{where} {what}.", where)
            return
        if kind == "display":
            for where, item in given:
                if "answer" in item:
                    yield Issue("error", "structure", f"{where} is only displayed and has no answer.", where)
            return
        answers = [each for _, item in given for each in item.get("answer", ()) if isinstance(each, dict)]
        if question.get("required") is True and self.finished and not (given if kind == "group" else answers):
            what = f"has no answer to the required item {name}; answer it, or leave the response in-progress"
            yield Issue("error", "required", f"{path} {what}.", given[0][0] if given else path)
        if question.get("repeats") is not True and (len(given) > 1 or (kind != "group" and len(answers) > 1)):
            yield Issue("error", "structure", f"{given[-1][0]} repeats, but the item {name} does not.", given[-1][0])
        for where, item in given:
            if kind == "group":
                if "answer" in item:
                    yield Issue("error", "structure", f"{where} is a group and has no answer itself.", where)
                yield from self.items(item, question, where, depth + 1)
            else:
                yield from self.answers(question, item, where, depth)

    def answers(self, question: Json, item: Json, where: str, depth: int) -> Iterator[Issue]:
        kind = text_of(question, "type")
        if "item" in item and "item" in question:
            what = "has items beside its answers; items of a question belong below the answer"
            yield Issue("error", "structure", f"{where} {what}.", f"{where}.item")
        for below, answer in objects(item, "answer"):
            place = f"{where}.{below}"
            value = next((each for each in answer if each.startswith("value")), None)
            if value is not None and value not in ANSWERS.get(kind, (value,)):
                listed = " or ".join(ANSWERS[kind][:2])
                what = f"is not of the type {kind} of the item; answer with {listed}"
                yield Issue("error", "structure", f"{place}.value {what}.", f"{place}.value")
            elif value is not None:
                yield from self.allowed(question, answer, value, place)
            longest = question.get("maxLength")
            text = answer.get("valueString")
            if isinstance(longest, int) and isinstance(text, str) and len(text) > longest:
                what = f"has {len(text)} characters, but the item allows {longest}; shorten it"
                yield Issue("error", "value", f"{place}.value {what}.", f"{place}.value")
            yield from self.items(answer, question, place, depth + 1)

    def allowed(self, question: Json, answer: Json, value: str, place: str) -> Iterator[Issue]:
        """Yield that an answer is none of the options, or not in the value set, of a choice."""
        kind = text_of(question, "type")
        if kind not in ("choice", "open-choice") or (kind == "open-choice" and value == "valueString"):
            return
        options = [each for _, each in objects(question, "answerOption")]
        if options and not any(_same(answer[value], option.get(value)) for option in options):
            yield Issue("error", "code-invalid", f"{place}.value is none of the options of the item.", f"{place}.value")
        value_set = question.get("answerValueSet")
        if value != "valueCoding" or not isinstance(value_set, str) or not isinstance(answer[value], dict):
            return
        try:
            if not self.member(value_set, answer[value]):
                what = f"is not in the value set {value_set} of the item; use a code of it"
                yield Issue("error", "code-invalid", f"{place}.value {what}.", f"{place}.value")
        except NotExpandable as error:
            what = f"could not be checked against the value set {value_set}: {error.reason}; {error.way_out}"
            yield Issue("information", "not-supported", f"{place}.value {what}.", f"{place}.value")


def _same(given: Any, option: Any) -> bool:
    if isinstance(given, dict) and isinstance(option, dict):
        if "reference" in option:
            return given.get("reference") == option.get("reference")
        return given.get("code") == option.get("code") and given.get("system") == option.get("system")
    return bool(given == option)
