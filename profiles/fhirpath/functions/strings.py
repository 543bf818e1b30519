"""String functions (http://hl7.org/fhirpath/N1/#string-manipulation)."""

from __future__ import annotations

from typing import Any

from profiles.fhirpath.call import Call, Rule, of_kind, values_rule
from profiles.fhirpath.code import Code, of_items
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathTypeError
from profiles.fhirpath.patterns import full_match, search, substitute

TEXT = (str,)
WHOLE = (int,)
MAX_TEXT = 1_000_000
"""Characters of a result; a string in FHIR is at most 1 MB itself."""


def _substring(call: Call) -> Code:
    start, length = call.argument(0), call.argument(1) if len(call.arguments) > 1 else None

    def items(frame: Frame, focus: Items) -> Items:
        text = of_kind(call.source.items(frame, focus), TEXT, "substring()")
        at = of_kind(start.items(frame, focus), WHOLE, "substring()")
        if text is None or at is None or not 0 <= at < len(text):
            return []
        count = of_kind(length.items(frame, focus), WHOLE, "substring()") if length else None
        return [text[at:] if count is None else text[at : at + max(0, count)]]

    return of_items(items)


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise FhirPathTypeError(f"a string has at most {MAX_TEXT} characters")
    return text


def _replace(text: str, part: str, by: str) -> str:
    if len(text) + text.count(part) * len(by) > 2 * MAX_TEXT:
        raise FhirPathTypeError(f"a string has at most {MAX_TEXT} characters")
    return _bounded(text.replace(part, by))


def _characters(call: Call) -> Code:
    def items(frame: Frame, focus: Items) -> Items:
        text: Any = of_kind(call.source.items(frame, focus), TEXT, "toChars()")
        frame.spend(len(text or ""))
        return list(text or "")

    return of_items(items)


def _split(call: Call) -> Code:
    separator = call.argument(0)

    def items(frame: Frame, focus: Items) -> Items:
        text = of_kind(call.source.items(frame, focus), TEXT, "split()")
        by = of_kind(separator.items(frame, focus), TEXT, "split()")
        if text is None or by is None:
            return []
        frame.spend(len(text))
        return text.split(by) if by else list(text)

    return of_items(items)


def _join(call: Call) -> Code:
    separator = call.argument(0) if call.arguments else None

    def items(frame: Frame, focus: Items) -> Items:
        found = call.source.items(frame, focus)
        by = of_kind(separator.items(frame, focus), TEXT, "join()") if separator else ""
        texts = [of_kind([each], TEXT, "join()") for each in found]
        given = [each for each in texts if each is not None]
        if not given:
            return []
        frame.spend(len(given))
        if sum(map(len, given)) + len(by or "") * len(given) > MAX_TEXT:
            raise FhirPathTypeError(f"a string has at most {MAX_TEXT} characters")
        return [(by or "").join(given)]

    return of_items(items)


RULES = {
    "indexOf": values_rule(lambda text, part: text.find(part), TEXT, TEXT),
    "lastIndexOf": values_rule(lambda text, part: text.rfind(part), TEXT, TEXT),
    "substring": Rule(1, 2, _substring),
    "startsWith": values_rule(lambda text, part: text.startswith(part), TEXT, TEXT),
    "endsWith": values_rule(lambda text, part: text.endswith(part), TEXT, TEXT),
    "contains": values_rule(lambda text, part: part in text, TEXT, TEXT),
    "upper": values_rule(lambda text: text.upper(), TEXT),
    "lower": values_rule(lambda text: text.lower(), TEXT),
    "replace": values_rule(_replace, TEXT, TEXT, TEXT),
    "matches": values_rule(search, TEXT, TEXT, TEXT, optional=1),
    "matchesFull": values_rule(full_match, TEXT, TEXT, TEXT, optional=1),
    "replaceMatches": values_rule(lambda *texts: _bounded(substitute(*texts)), TEXT, TEXT, TEXT, TEXT, optional=1),
    "trim": values_rule(lambda text: text.strip(" \t\r\n"), TEXT),
    "split": Rule(1, 1, _split),
    "join": Rule(0, 1, _join),
    "length": values_rule(len, TEXT),
    "toChars": Rule(0, 0, _characters),
}
