"""Values of date parameters (http://hl7.org/fhir/R4/search.html#date)."""

from __future__ import annotations

import re
from typing import cast, get_args

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.parse_value import by_answers, plain
from fhir_server.search.query import Date, LastUpdated, Node, Prefix
from fhir_server.search.refuse import refuse
from profiles.datatypes.temporal import date_range

PREFIXES: frozenset[str] = frozenset(get_args(Prefix))

MILLISECOND = 1000
_MINUTE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(Z|[+-]\d\d:\d\d)?")
_MINUTE_SPAN = 60_000_000
_APPROXIMATION = 10
_SHOWN = re.compile(r"(?:[a-z]{2})?[0-9TZ:.+\- ]{1,40}", re.ASCII)


def read_date(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read a date with one of the nine prefixes, `eq` without one."""
    prefix, low, high = read_range(parameter.code, plain(parameter.code, text), context.now)
    return date_node(parameter, prefix, low, high)


def date_node(parameter: Parameter, prefix: Prefix, low: int, high: int) -> Node:
    """Return what compares the entries of `parameter`, or the time of the version for `_lastUpdated`."""
    if parameter.code == "_lastUpdated":
        # Times of versions are kept to the microsecond and shown to the millisecond: compared is what is shown.
        return LastUpdated(prefix, -(-low // MILLISECOND) * MILLISECOND, high - high % MILLISECOND + MILLISECOND - 1)
    return by_answers(parameter, lambda name: Date(name, prefix, low, high))


def read_range(code: str, value: str, now: int) -> tuple[Prefix, int, int]:
    """Return the prefix of a date value and the closed range it stands for; for `ap` already widened."""
    prefix, date = ("eq", value) if value[:1].isdigit() else (value[:2], value[2:])
    if prefix not in PREFIXES:
        raise refuse(code, f"{_shown(value)} starts with no known prefix; they are {', '.join(sorted(PREFIXES))}.")
    low, high = read_span(code, date)
    if prefix == "ap":
        gap = abs(now - low) // _APPROXIMATION
        low, high = low - gap, high + gap
    return cast(Prefix, prefix), low, high


def read_span(code: str, date: str) -> tuple[int, int]:
    """Return the closed range that a date without prefix stands for. Raises BadRequest."""
    try:
        return _span(date)
    except ValueError as error:
        raise refuse(
            code,
            f"{_shown(date)} is no date; write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss] with Z or an"
            " offset (a plus sign is %2B in a URL).",
        ) from error


def _shown(date: str) -> str:
    """Return what was meant as a date, if it looks like one; anything else may be about a person."""
    return repr(date) if _SHOWN.fullmatch(date) else "it"


def _span(date: str) -> tuple[int, int]:
    minute = _MINUTE.fullmatch(date)
    if minute is None:
        return date_range(date)
    low, _ = date_range(f"{minute[1]}:00{minute[2] or ''}")
    return low, low + _MINUTE_SPAN - 1
