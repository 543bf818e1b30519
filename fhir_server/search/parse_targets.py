"""What is searched: stored resources, contained ones (`_contained`), or both.

http://hl7.org/fhir/R4/search.html#contained. All criteria must hold for one and the same contained resource. What would
need more than its own index entries is refused, whatever the handling: left out, it would change what matches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fhir_server.search.context import Context
from fhir_server.search.parameters import Registry
from fhir_server.search.parse_contained import of_contained
from fhir_server.search.query import Node, Target
from fhir_server.search.refuse import Unanswered, refuse

_CONTAINED = "_contained"
_POINTING = frozenset(("_has", "_list"))
_ADDING = frozenset(("_include", "_revinclude"))


def parse_targets(nodes: Mapping[str, Node], context: Context) -> tuple[Target, ...]:
    """Return what to search, by what must hold in each type."""
    stored = tuple(Target(type, node) for type, node in nodes.items())
    if context.contained == "false":
        return stored
    both = context.contained == "both"
    if not context.by_container:
        inner = tuple(Target(each.type, of_contained(each.where), "contained") for each in stored)
    else:
        # One that matches itself is a match already, whatever it contains.
        inner = tuple(
            Target(each.type, of_contained(each.where), "container", each.where if both else None) for each in stored
        )
    return (*stored, *inner) if both else inner


def check_contained(types: Sequence[str], name: str, context: Context, registry: Registry) -> None:
    """Raise BadRequest when contained resources are searched and `name` is not answered of them.

    `registry` has the tenant's own parameters, by which they are not indexed.
    """
    if context.contained == "false":
        return
    code = name.partition(":")[0].partition(".")[0]
    if len(types) > 1 and context.by_container:
        raise refuse(
            _CONTAINED,
            "of several types it is answered with _containedType=contained alone: what contains matches of several "
            "types would come several times.",
            Unanswered.code,
        )
    if code in _POINTING:
        raise refuse(code, "resources do not refer to what others contain; leave out _contained.", Unanswered.code)
    if code in _ADDING:
        raise refuse(code, "it is not answered together with _contained; ask for both apart.", Unanswered.code)
    known = (registry.indexed_for(type).get(code) for type in types)
    if any(each is not None and each.custom for each in known):
        raise refuse(code, "contained resources are indexed by the parameters of the standard alone.", Unanswered.code)
