"""What all readers of search values share: the plain text of a value, and the entries that answer for a parameter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.query import Id, Node, Or
from fhir_server.search.refuse import refuse
from fhir_server.search.text import BadEscape, unescape

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
