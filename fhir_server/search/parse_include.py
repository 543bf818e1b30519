"""`_include` and `_revinclude` (http://hl7.org/fhir/R4/search.html#include)."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.search.context import Context
from fhir_server.search.parameters import Answer, Parameter
from fhir_server.search.parse_chain import reference_parameter
from fhir_server.search.parse_reference import admits, holds_references
from fhir_server.search.query import Include
from fhir_server.search.refuse import Unanswered, no_modifier, refuse, shown, unanswered
from profiles import definitions

_EVERY = "*"


def read_include(types: Sequence[str], name: str, value: str, context: Context) -> tuple[Include, ...]:
    """Return what `_include=Source:parameter[:Target]`, or `_revinclude`, adds to a search of `types`.

    `*` stands for all reference parameters of the source, and alone for those of all `types`. Raises BadRequest.
    """
    code, _, modifier = name.partition(":")
    if modifier == "recurse":
        raise no_modifier(code, "since R4 the modifier :recurse is called :iterate.")
    if modifier not in ("", "iterate"):
        raise no_modifier(code, f":{modifier[:40]} is none of its modifiers; it has one, :iterate.")
    reverse, iterate = code == "_revinclude", modifier == "iterate"
    parts = value.split(":")
    if parts == [_EVERY]:
        if reverse or iterate:
            raise unanswered(code, "with :iterate and in reverse an asterisk needs a type, as in Observation:*.")
        found = [each for source in types for each in _whole(source, "", context)]
    elif not 2 <= len(parts) <= 3 or not all(parts):
        raise refuse(code, "it is written Source:parameter or Source:parameter:Target, once for each.")
    else:
        found = _named(code, parts, context)
    return tuple(
        Include(each.source, each.names, each.target, reverse, iterate, asked=f"{name}={value}") for each in found
    )


def _named(code: str, parts: list[str], context: Context) -> list[Include]:
    source, asked, target = (*parts, "")[:3]
    for kind in filter(None, (source, target)):
        if not definitions.is_resource_type(kind):
            raise refuse(
                code, f"its first part, and its third if there is one, is a resource type; {shown(kind)} is none."
            )
    if asked == _EVERY:
        return _whole(source, target, context)
    try:
        parameter = reference_parameter(source, asked, context)
    except Unanswered as refusal:
        raise unanswered(
            code, f"{shown(asked)} of {source} is no parameter that references are followed by."
        ) from refusal
    if target and not admits(parameter, target):
        raise refuse(code, f"{asked} of {source} never points to a {target}.")
    return _by_target(source, parameter.answers, target)


def _by_target(source: str, answers: Sequence[Answer], target: str) -> list[Include]:
    """Return one include for each target type that the answers are limited to."""
    names: dict[str, list[str]] = {}
    for answer in answers:
        if not target or answer.target in ("", target):
            names.setdefault(target or answer.target, []).append(answer.name)
    return [Include(source, tuple(each), kind) for kind, each in names.items()]


def _whole(source: str, target: str, context: Context) -> list[Include]:
    names = tuple(
        parameter.code for parameter in context.registry.all_for(source).values() if _leads(parameter, target)
    )
    return [Include(source, names, target)] if names else []


def _leads(parameter: Parameter, target: str) -> bool:
    """Whether the parameter has reference entries of its own; others are answered by those."""
    if parameter.type != "reference" or not parameter.stored or not holds_references(parameter):
        return False
    return not target or admits(parameter, target)
