"""How a search parameter is refused: by name, with the rule it breaks, never with its value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from fhir_server.errors import BadRequest

_NAME_SHOWN = 80
_NAME = re.compile(r"[A-Za-z_][A-Za-z_\-]{0,39}", re.ASCII)


class Unanswered(BadRequest):
    """Legal, or at least no malformed value, but not answered here: what lenient handling ignores."""

    code = "not-supported"


class Absent(Unanswered):
    """A parameter that a resource type does not have; other types of the same search or chain may have it."""


def refuse(parameter: str, rule: str, code: str = "invalid") -> BadRequest:
    """Return the refusal of a parameter, saying the rule it breaks; lenient handling refuses it as well."""
    return BadRequest(f"Search parameter {parameter!r}: {rule}", expression=parameter, code=code)


def unanswered(parameter: str, rule: str, kind: type[Unanswered] = Unanswered) -> Unanswered:
    """Return the refusal of what is not answered here, saying why; `parameter` is shortened."""
    name = parameter[:_NAME_SHOWN]
    return kind(f"Search parameter {name!r}: {rule}", expression=name)


def no_modifier(parameter: str, rule: str) -> BadRequest:
    """Return the refusal of a modifier that a parameter is not answered with.

    A search with such a one shall be rejected (http://hl7.org/fhir/R4/search.html#modifiers): no handling ignores it.
    """
    return refuse(parameter, rule, Unanswered.code)


@contextmanager
def within(name: str) -> Iterator[None]:
    """Let a refusal of a part of the parameter `name` (a chain, a composite, a filter) name that parameter itself."""
    try:
        yield
    except BadRequest as refusal:
        code = name.partition(":")[0].partition(".")[0][:_NAME_SHOWN]
        found = refusal.issues[0]
        if found.expression == code and "." not in name and name.count(":") < 2:
            raise
        whole = f"{found.message} (in {name[:_NAME_SHOWN]!r})"
        raise type(refusal)(whole, expression=code, code=found.code) from refusal


def shown(name: str) -> str:
    """Return a name that stands in a value, if it looks like one; anything else may be about a person."""
    return repr(name) if _NAME.fullmatch(name) else "it"
