"""What all readers of search values share: the plain text of a value, and the entries that answer for a parameter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.query import And, Chain, Has, Id, Node, Not, Or
from fhir_server.search.refuse import refuse
from fhir_server.search.text import BadEscape, unescape

LEAVES = 20_000
"""The most leaves that the values of one parameter may become."""

_NO_TEXT = re.compile("[\x00-\x1f\ud800-\udfff]")

Read = Callable[[Parameter, str, str, Context], Node]
"""Takes the parameter, the modifier ("" for none), one value with its escapes, and the context."""


def plain(code: str, text: str) -> str:
    """Return a value of the parameter `code` without its escapes. Raises BadRequest for what is no text, or empty."""
    try:
        value = unescape(text)
    except BadEscape as error:
        raise refuse(code, f"{error}; write \\\\ for a backslash itself.") from error
    if not value:
        raise refuse(code, "a value must not be empty; leave the parameter (or the comma) out.")
    if _NO_TEXT.search(value):
        raise refuse(code, "a value must be text in UTF-8 without control characters.")
    return value


def either(nodes: Iterable[Node]) -> Node:
    """Return what matches when one of `nodes` does: a single one itself, ids together, anything else as a flat Or."""
    flat: dict[Node, None] = {}
    for node in nodes:
        flat.update(dict.fromkeys(node.nodes if isinstance(node, Or) else (node,)))
    if len(flat) == 1:
        return next(iter(flat))
    ids = [each for each in flat if isinstance(each, Id)]
    if flat and len(ids) == len(flat):
        return Id(tuple(dict.fromkeys(id for each in ids for id in each.ids)))
    return Or(tuple(flat))


def by_answers(parameter: Parameter, leaf: Callable[[str], Node]) -> Node:
    """Return what matches when any of the entries that answer for `parameter` does."""
    if len(parameter.answers) == 1:
        return leaf(parameter.answers[0].name)
    return either(leaf(answer.name) for answer in parameter.answers)


def limited(code: str, nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield `nodes` as long as they have no more than LEAVES leaves together. Raises BadRequest."""
    total = 0
    for node in nodes:
        total += _leaves(node)
        if total > LEAVES:
            raise refuse(
                code,
                f"its values stand for more than {LEAVES} codes or references; write fewer, and types with ids.",
            )
        yield node


def _leaves(node: Node) -> int:
    match node:
        case And(nodes) | Or(nodes):
            return sum(map(_leaves, nodes))
        case Not(inner) | Chain(_, _, inner) | Has(_, _, inner):
            return _leaves(inner)
    return 1
