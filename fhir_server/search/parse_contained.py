"""Chains into contained resources (http://hl7.org/fhir/R4/search.html#contained).

Extraction indexes what a reference points to inside the resource itself with the resource: `subject.Patient.name` are
the names of the contained Patient that `subject` points to, and `subject.Patient` says that there is one. So the end of
a chain is asked once more, of those entries. From there on only references to stored resources are followed.
"""

from __future__ import annotations

from dataclasses import replace

from fhir_server.search.query import And, Chain, Entry, Hierarchy, Id, Node, Not, Or, Present, Together, Token


def inside(holder: str, node: Node) -> Node | None:
    """Return what `node` asks of the contained resource that `holder` (`subject.Patient`) stands for.

    None for what is not indexed of contained resources, ids and full text among it, and for what has several parts:
    one contained resource would have to have them all.
    """
    match node:
        case Together(parts):
            return Together(
                tuple(tuple(replace(each, name=f"{holder}.{each.name}") for each in part) for part in parts)
            )
        case Or(nodes):
            found = tuple(each for each in (inside(holder, each) for each in nodes) if each is not None)
            return Or(found) if len(found) > 1 else found[0] if found else None
        case Not(negated):
            refused = inside(holder, negated)
            return None if refused is None else And((Present(holder), Not(refused)))
    if isinstance(node, Entry | Chain | Hierarchy) and "." not in node.name:
        return replace(node, name=f"{holder}.{node.name}")
    return None


def of_contained(node: Node) -> Node:
    """Return `node` as it is asked of contained resources by themselves (`_contained=true`).

    Their ids are index entries like any other.
    """
    match node:
        case And(nodes):
            return And(tuple(map(of_contained, nodes)))
        case Or(nodes):
            return Or(tuple(map(of_contained, nodes)))
        case Not(inner):
            return Not(of_contained(inner))
        case Id(ids):
            return Or(tuple(Token("_id", "", id, case_sensitive=True) for id in ids))
    return node
