"""Searches of several types at once: which types, and one criterion read for each of them.

http://hl7.org/fhir/R4/search.html#type: only parameters that all the types have may be used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fhir_server.search.context import Context
from fhir_server.search.query import NOTHING, Node
from fhir_server.search.refuse import Absent, refuse, shown, unanswered
from profiles import definitions

_TYPE = "_type"
_SHOWN = 5
# The same in all types: read once, however many types are searched.
_UNIFORM = frozenset(("_id", "_lastUpdated", "_tag", "_profile", "_security", "_source", "_text", "_content", "_list"))


def searched_types(
    types: str | Sequence[str], parameters: Sequence[tuple[str, str]], context: Context
) -> tuple[str, ...]:
    """Return the types to search: `types`, else those of the parameter `_type`, else all. Raises BadRequest."""
    if types:
        return (types,) if isinstance(types, str) else tuple(dict.fromkeys(types))
    given = [value for name, value in parameters if name == _TYPE]
    if len(given) > 1:
        raise refuse(_TYPE, "it is given more than once; write the types with commas between them.")
    if not given:
        return _all_types(context)
    asked = tuple(dict.fromkeys(given[0].split(",")))
    for each in asked:
        if not definitions.is_resource_type(each):
            raise refuse(_TYPE, f"{shown(each)} is no resource type; it takes some with commas between them.")
    return asked


def each_type(
    types: Sequence[str], name: str, value: str, context: Context, read: Callable[[str, str, str, Context], Node]
) -> list[Node]:
    """Return what `read` makes of one criterion in each of `types`. Raises Absent when some of them lack it."""
    if len(types) == 1:
        return [read(types[0], name, value, context)]
    code = name.partition(":")[0]
    if code in _UNIFORM and len({_entries(each, code, context) for each in types}) == 1:
        return [read(types[0], name, value, context)] * len(types)
    found: dict[str, Node] = {}
    for each in types:
        try:
            found[each] = read(each, name, value, context)
        except Absent:
            continue
    lacking = [each for each in types if each not in found]
    # What nothing of the kind ever points to has no such reference; that is no parameter the type lacks.
    if not lacking or (code == "_has" and found):
        return [found.get(each, NOTHING) for each in types]
    some = ", ".join(lacking[:_SHOWN]) + (f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else "")
    raise unanswered(
        code,
        f"{some} {'lacks' if len(lacking) == 1 else 'lack'} it, and a search of several types only takes parameters"
        " that all of them have; name the types in _type.",
        Absent,
    )


def _entries(resource_type: str, code: str, context: Context) -> object:
    found = context.registry.get(resource_type, code)
    return (found.type, found.answers, found.canonical) if found else None


def _all_types(context: Context) -> tuple[str, ...]:
    every = definitions.resource_types()
    if context.compartment is None:
        return tuple(every)
    owner = context.compartment[0]
    members = definitions.compartments().get(owner, {})
    return tuple(each for each in every if each == owner or members.get(each))
