"""From one value of a search parameter to a leaf of the query tree, by search type.

The forms of each type: http://hl7.org/fhir/R4/search.html#ptypes. What a value lacks is said without quoting it
unless it is a date, for anything else may be about a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast, get_args

from fhir_server.errors import BadRequest
from fhir_server.search.parameters import Parameter
from fhir_server.search.query import Date, Id, LastUpdated, Node, Or, Prefix, Reference, String, Token, Uri
from fhir_server.search.references import NO_VERSION, canonical, foreign_reference, foreign_type, local_reference
from fhir_server.search.text import BadEscape, split, unescape
from fhir_server.search.values import fold
from profiles import definitions
from profiles.datatypes.temporal import date_range

PREFIXES: frozenset[str] = frozenset(get_args(Prefix))

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_MINUTE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(Z|[+-]\d\d:\d\d)?")
_MINUTE_SPAN = 60_000_000
_APPROXIMATION = 10


@dataclass(frozen=True, slots=True)
class Context:
    """What the meaning of a value depends on besides itself: own base URL, and the time in microseconds."""

    base: str
    now: int


Read = Callable[[Parameter, str, str, Context], Node]
"""Takes the parameter, the modifier ("" for none), one value with its escapes, and the context."""


def refuse(parameter: str, rule: str) -> BadRequest:
    """Return the refusal of a parameter, saying the rule it breaks."""
    return BadRequest(f"Search parameter {parameter!r}: {rule}", expression=parameter, code="invalid")


def _plain(parameter: Parameter, text: str) -> str:
    try:
        value = unescape(text)
    except BadEscape as error:
        raise refuse(parameter.code, f"{error}; write \\\\ for a backslash itself.") from error
    if not value:
        raise refuse(parameter.code, "a value must not be empty; leave the parameter (or the comma) out.")
    if any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in value):
        raise refuse(parameter.code, "a value must be text in UTF-8 without control characters.")
    return value


def read_token(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read `code`, `system|code`, `|code` or `system|`."""
    parts = [part and _plain(parameter, part) for part in split(text, "|")]
    if len(parts) > 2 or not any(parts):
        raise refuse(
            parameter.code,
            "a token is written code, system|code, |code or system|; escape a bar inside a value as \\|.",
        )
    system = parts[0] if len(parts) == 2 else None
    code = parts[-1] or None
    return _any(parameter, lambda name, _: Token(name, system, code))


def read_string(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read a string: compared folded from its start, anywhere (`:contains`), or exactly (`:exact`)."""
    value = _plain(parameter, text)
    if modifier == "exact":
        return _any(parameter, lambda name, _: String(name, value, "exact"))
    folded = fold(value)
    if not folded:
        raise refuse(parameter.code, "a value needs at least one letter, digit or sign that is not white space.")
    if modifier == "contains":
        return _any(parameter, lambda name, _: String(name, folded, "contains"))
    return _any(parameter, lambda name, _: String(name, folded))


def read_uri(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read a URI, a canonical one perhaps with `|version`; `:below` takes all that start with it."""
    parts = [_plain(parameter, part) for part in split(text, "|")] if parameter.canonical else [_plain(parameter, text)]
    if len(parts) > 2 or (modifier == "below" and len(parts) == 2):
        raise refuse(parameter.code, "a canonical URL is written url or url|version, with :below without a version.")
    whole = _plain(parameter, text)
    version = parts[1] if len(parts) == 2 else ""
    exact = _any(parameter, lambda name, _: Uri(name, parts[0], version, modifier == "below"))
    # The parameter may search plain URIs as well, in which a bar is a letter like others.
    return Or((exact, _any(parameter, lambda name, _: Uri(name, whole)))) if version else exact


def read_date(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read a date with one of the nine prefixes, `eq` without one."""
    prefix, low, high = read_range(parameter.code, _plain(parameter, text), context.now)
    if parameter.code == "_lastUpdated":
        return LastUpdated(prefix, low, high)
    return _any(parameter, lambda name, _: Date(name, prefix, low, high))


def read_range(code: str, value: str, now: int) -> tuple[Prefix, int, int]:
    """Return the prefix of a date value and the closed range it stands for; for `ap` already widened."""
    prefix, date = ("eq", value) if value[:1].isdigit() else (value[:2], value[2:])
    if prefix not in PREFIXES:
        raise refuse(code, f"{value[:40]!r} starts with no known prefix; they are {', '.join(sorted(PREFIXES))}.")
    try:
        low, high = _span(date)
    except ValueError as error:
        raise refuse(
            code,
            f"{date[:40]!r} is no date; write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss] with Z or an offset"
            " (a plus sign is %2B in a URL).",
        ) from error
    if prefix == "ap":
        gap = abs(now - low) // _APPROXIMATION
        low, high = low - gap, high + gap
    return cast(Prefix, prefix), low, high


def _span(date: str) -> tuple[int, int]:
    minute = _MINUTE.fullmatch(date)
    if minute is None:
        return date_range(date)
    low, _ = date_range(f"{minute[1]}:00{minute[2] or ''}")
    return low, low + _MINUTE_SPAN - 1


def read_id(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read a logical id."""
    value = _plain(parameter, text)
    if not _ID.fullmatch(value):
        raise refuse(parameter.code, "a logical id has 1 to 64 letters, digits, hyphens and dots.")
    return Id((value,))


def read_reference(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read `id`, `Type/id`, either with `/_history/n` after it, an absolute URL or a canonical `url|version`."""
    value = _plain(parameter, text)
    if _ID.fullmatch(value):
        return _by_id(parameter, modifier, value, context)
    local = local_reference(value, context.base)
    if local is not None:
        return _local(parameter, modifier, local, _own_url(value, context.base))
    if ":" in value:
        return _foreign(parameter, modifier, text, value)
    raise refuse(parameter.code, "a reference is written id, Type/id, Type/id/_history/n or as an absolute URL.")


def _own_url(value: str, base: str) -> str:
    return value if value.startswith(base + "/") else f"{base}/{value}"


def _by_id(parameter: Parameter, modifier: str, id: str, context: Context) -> Node:
    types = (modifier,) if modifier else parameter.targets or definitions.resource_types()
    return Or(
        tuple(
            _local(parameter, modifier, (each, id, 0), f"{context.base}/{each}/{id}")
            for each in types
            if modifier or _admits(parameter, each)
        )
    )


def _admits(parameter: Parameter, kind: str) -> bool:
    return any(answer.target in ("", kind) for answer in parameter.answers)


def _local(parameter: Parameter, modifier: str, target: tuple[str, str, int], url: str) -> Node:
    kind, id, version = target
    if modifier not in ("", kind) or not _admits(parameter, kind):
        allowed = modifier or " or ".join(answer.target for answer in parameter.answers)
        raise refuse(parameter.code, f"it only takes references to {allowed}, not to {kind}.")
    if version == NO_VERSION:
        raise refuse(parameter.code, "version ids of this server are whole numbers from 1.")
    names = [answer.name for answer in parameter.answers if answer.target in ("", kind)]
    found: list[Node] = [Reference(name, kind, id, version) for name in names]
    if parameter.canonical and not version:
        found += [Uri(name, url) for name in names]
    return found[0] if len(found) == 1 else Or(tuple(found))


def _foreign(parameter: Parameter, modifier: str, text: str, value: str) -> Node:
    if parameter.canonical:
        parts = [_plain(parameter, part) for part in split(text, "|")]
        if len(parts) > 2:
            raise refuse(parameter.code, "a canonical URL is written url or url|version.")
        url, version = canonical(value) if len(parts) == 1 else (parts[0], parts[1])
    else:
        url, version = foreign_reference(value)
    kind = foreign_type(value)
    if modifier and kind != modifier:
        raise refuse(parameter.code, f"with the modifier :{modifier} it only takes references to {modifier}.")
    names = [each.name for each in parameter.answers if each.target in ("", kind)]
    return Or(tuple(Uri(name, url, version) for name in names))


def _any(parameter: Parameter, leaf: Callable[[str, str], Node]) -> Node:
    """Return what matches when any of the entries that answer for `parameter` does."""
    if len(parameter.answers) == 1:
        return leaf(parameter.answers[0].name, parameter.answers[0].target)
    return Or(tuple(leaf(each.name, each.target) for each in parameter.answers))


READERS: Mapping[str, Read] = {
    "token": read_token,
    "string": read_string,
    "uri": read_uri,
    "date": read_date,
    "reference": read_reference,
}
