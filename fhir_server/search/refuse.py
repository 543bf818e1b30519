"""How a search parameter is refused: by name, with the rule it breaks, never with its value."""

from __future__ import annotations

from fhir_server.errors import BadRequest

_NAME_SHOWN = 80


class Unanswered(BadRequest):
    """Legal, or at least no malformed value, but not answered here: what lenient handling ignores."""

    code = "not-supported"


class Absent(Unanswered):
    """A parameter that a resource type does not have; other types of the same search or chain may have it."""


def refuse(parameter: str, rule: str) -> BadRequest:
    """Return the refusal of a parameter, saying the rule it breaks."""
    return BadRequest(f"Search parameter {parameter!r}: {rule}", expression=parameter, code="invalid")


def unanswered(parameter: str, rule: str, kind: type[Unanswered] = Unanswered) -> Unanswered:
    """Return the refusal of what is not answered here, saying why; `parameter` is shortened."""
    name = parameter[:_NAME_SHOWN]
    return kind(f"Search parameter {name!r}: {rule}", expression=name)


def within(name: str, refusal: BadRequest) -> BadRequest:
    """Return `refusal` of the same kind, naming the whole chain `name` whose last parameter it speaks of."""
    shown = name[:_NAME_SHOWN]
    return type(refusal)(f"{refusal.issues[0].message} (in {shown!r})", expression=shown, code=refusal.issues[0].code)
