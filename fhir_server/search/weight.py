"""What a query tree costs to plan, before anything is read: the measure that a whole search is held to."""

from __future__ import annotations

from fhir_server.search.query import And, Chain, Has, Hierarchy, Id, Node, Not, Or, Together, Words

WEIGHT = 20_000
"""The most that all criteria of a search weigh together, over all types searched."""
LINK = 20
"""What following one reference weighs: a query within the query, with its own checks of visibility."""


def weight(node: Node) -> int:
    """Return how much `node` weighs: 1 for each value that is compared, LINK for each reference that is followed.

    A part that stands in the tree several times counts each time, as it is planned each time.
    """
    match node:
        case And(nodes) | Or(nodes):
            return sum(map(weight, nodes))
        case Not(inner):
            return weight(inner)
        case Chain(_, _, inner) | Has(_, _, inner):
            return LINK + weight(inner)
        case Hierarchy():
            return LINK
        case Together(parts):
            return sum(map(len, parts))
        case Words(phrases):
            return len(phrases)
        case Id(ids):
            return len(ids)
    return 1
