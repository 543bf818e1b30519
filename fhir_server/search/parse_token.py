"""Values of token parameters with their eight modifiers (http://hl7.org/fhir/R4/search.html#token)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter, data_types
from fhir_server.search.parse_string import normal_value
from fhir_server.search.parse_value import by_answers, either, plain
from fhir_server.search.query import Entry, Node, Or, Selected, String, Token
from fhir_server.search.refuse import Unanswered, refuse, unanswered
from fhir_server.search.terminology import Meant, NotExpandable
from fhir_server.search.text import split

CODES = 10_000
"""The most codes that a value set or a hierarchy may stand for in one search."""

_BOOLEAN = frozenset(("boolean",))
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#&^_.+\-]+/[A-Za-z0-9!#&^_.+\-]+")
_CODE = frozenset(("code",))
_BOOLEANS = ("true", "false")
_WITHOUT_SYSTEM = frozenset(("string", "uri", "url", "canonical", "id", "oid", "uuid"))
_SPECIAL_VALUES = "http://hl7.org/fhir/special-values"


def read_token(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read what the modifier asks for; `:not` and `:not-in` are read without their negation, which the caller adds."""
    code = parameter.code
    match modifier:
        case "text":
            norm = normal_value(code, plain(code, text))
            return by_answers(parameter, lambda name: String(f"{name}:text", norm))
        case "of-type":
            kind, value = _of_type(code, text)
            return by_answers(parameter, lambda name: Token(f"{name}:of-type", kind, value))
        case "in" | "not-in":
            return _one_of(parameter, _members(code, plain(code, text), context))
        case "below" if data_types(parameter) == _CODE and _MEDIA_TYPE.fullmatch(text):
            # The index has media types with parameters under this name a second time, without them.
            return by_answers(parameter, lambda name: Or((Token(name, None, text), Token(f"{name}:below", None, text))))
        case "above" | "below":
            return _one_of(parameter, _subsumed(code, modifier, text, context))
    system, wanted = token_parts(code, text)
    if data_types(parameter) == _BOOLEAN and (system not in (None, _SPECIAL_VALUES) or wanted not in _BOOLEANS):
        raise refuse(code, "it takes true or false.")
    if system and (data_types(parameter) or _CODE) <= _WITHOUT_SYSTEM:
        raise refuse(code, "its values have no system: write the value alone, and a bar inside it as \\|.")
    return by_answers(parameter, lambda name: Token(name, system, wanted))


def token_parts(code: str, text: str) -> tuple[str | None, str | None]:
    """Return (system, code) of `code`, `system|code`, `|code` or `system|`, as in `Token`. Raises BadRequest."""
    parts = [part and plain(code, part) for part in split(text, "|")]
    if len(parts) > 2 or not any(parts):
        raise refuse(
            code, "a token is written code, system|code, |code or system|; escape a bar inside a value as \\|."
        )
    return (parts[0] if len(parts) == 2 else None), parts[-1] or None


def _of_type(code: str, text: str) -> tuple[str, str]:
    """Return how the index writes the identifier's type, and the identifier's value."""
    parts = split(text, "|")
    if len(parts) != 3 or not all(parts):
        raise refuse(code, "with :of-type a value is written system|code|value, all three given.")
    system, kind, value = (plain(code, part) for part in parts)
    return f"{system}|{kind}", value


def _members(code: str, value_set: str, context: Context) -> Meant:
    try:
        return context.terminology.members(value_set)
    except NotExpandable as error:
        raise refuse(code, f"the value set cannot be expanded: {error}.", Unanswered.code) from error


def _subsumed(code: str, modifier: str, text: str, context: Context) -> Meant:
    system, wanted = token_parts(code, text)
    if not system or not wanted:
        raise refuse(code, f"with :{modifier} a value is written system|code, for only a system has a hierarchy.")
    find = context.terminology.below if modifier == "below" else context.terminology.above
    try:
        return find(system, wanted)
    except NotExpandable as error:
        raise refuse(code, f":{modifier} cannot be answered: {error}.", Unanswered.code) from error


def _one_of(parameter: Parameter, meant: Meant) -> Node:
    if len(meant.listed) > CODES:
        raise unanswered(
            parameter.code, f"the value stands for {len(meant.listed)} codes; at most {CODES} are searched."
        )
    wanted = sorted(set(meant.listed))
    # The system of a code is implied, but not for every value set known, and then it is not in the index.
    implied = data_types(parameter) == _CODE
    if implied:
        wanted += sorted({("", code) for _, code in wanted})

    def leaves() -> Iterator[Entry]:
        for answer in parameter.answers:
            yield from (Token(answer.name, system, code) for system, code in wanted)
            for system, selection in meant.selected:
                yield Selected(answer.name, (system, "") if implied else (system,), selection)

    return either(leaves())
