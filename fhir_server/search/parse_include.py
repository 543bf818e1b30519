"""`_include` and `_revinclude` (http://hl7.org/fhir/R4/search.html#include)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fhir_server.search.context import Context
from fhir_server.search.parameters import Answer, Incomplete, Parameter
from fhir_server.search.parse_chain import reference_parameter
from fhir_server.search.parse_reference import admits, canonical_of, holds_references, leads_to
from fhir_server.search.query import Canonical, Include
from fhir_server.search.refuse import Unanswered, no_modifier, refuse, shown, unanswered
from profiles import definitions

_EVERY = "*"
# What is in the audit trail is no resource of the store, and nothing leads there.
_SOURCES = tuple(each for each in definitions.resource_types() if each != "AuditEvent")


def read_include(types: Sequence[str], name: str, value: str, context: Context) -> tuple[Include, ...]:
    """Return what `_include=Source:parameter[:Target]`, or `_revinclude`, adds to a search of `types`.

    `*` stands for all reference parameters of the source, and alone for those of all `types`; in reverse for all that
    lead to one of them, and with :iterate for those of all there are. Raises BadRequest.
    """
    code, _, modifier = name.partition(":")
    if modifier == "recurse":
        raise no_modifier(code, "since R4 the modifier :recurse is called :iterate.")
    if modifier not in ("", "iterate"):
        raise no_modifier(code, f":{modifier[:40]} is none of its modifiers; it has one, :iterate.")
    reverse, iterate = code == "_revinclude", modifier == "iterate"
    parts = value.split(":")
    if parts == [_EVERY]:
        return tuple(replace(each, asked=f"{name}={value}") for each in _every(types, reverse, iterate, context))
    if not 2 <= len(parts) <= 3 or not all(parts):
        raise refuse(code, "it is written Source:parameter or Source:parameter:Target, once for each.")
    found = _named(code, parts, context)
    return tuple(replace(each, reverse=reverse, iterate=iterate, asked=f"{name}={value}") for each in found)


def _every(types: Sequence[str], reverse: bool, iterate: bool, context: Context) -> Iterator[Include]:
    """Yield what an asterisk alone stands for."""
    wide = reverse or iterate
    target = types[0] if reverse and not iterate and len(types) == 1 else ""
    for source in _SOURCES if wide else types:
        for each in _whole(source, target, context):
            yield replace(each, reverse=reverse, iterate=iterate, any=wide)


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
    except Incomplete:
        raise
    except Unanswered as refusal:
        raise unanswered(
            code, f"{shown(asked)} of {source} is no parameter that references are followed by."
        ) from refusal
    if parameter.nested:
        raise unanswered(code, f"{asked} of {source} is inside of it already: nothing is to be added.")
    if target and not leads_to(parameter, target, context.registry):
        raise refuse(code, f"{asked} of {source} never points to a {target}.")
    if not holds_references(parameter):
        names = tuple(answer.name for answer in parameter.answers)
        return [Include(source, names, target, canonicals=_canonicals([parameter], target, context))]
    return _by_target(source, parameter.answers, target)


def _canonicals(parameters: Sequence[Parameter], target: str, context: Context) -> tuple[Canonical, ...]:
    """Return where the canonicals of `parameters` lead, only to a `target` if one is given."""
    kinds = dict.fromkeys(
        kind
        for parameter in parameters
        if not holds_references(parameter)
        for kind in ((target,) if target else parameter.targets or definitions.resource_types())
        if admits(parameter, kind)
    )
    found = (canonical_of(context.registry, kind) for kind in kinds)
    return tuple(each for each in found if each is not None)


def _by_target(source: str, answers: Sequence[Answer], target: str) -> list[Include]:
    """Return one include for each target type that the answers are limited to."""
    names: dict[str, list[str]] = {}
    for answer in answers:
        if not target or answer.target in ("", target):
            names.setdefault(target or answer.target, []).append(answer.name)
    return [Include(source, tuple(each), kind) for kind, each in names.items()]


def _whole(source: str, target: str, context: Context) -> list[Include]:
    found = [each for each in context.registry.all_for(source).values() if _leads(each, target, context)]
    names = tuple(parameter.code for parameter in found)
    return [Include(source, names, target, canonicals=_canonicals(found, target, context))] if found else []


def _leads(parameter: Parameter, target: str, context: Context) -> bool:
    """Whether the parameter has entries of its own that lead on; others are answered by those."""
    if parameter.type != "reference" or not parameter.stored or parameter.nested:
        return False
    return not target or leads_to(parameter, target, context.registry)
