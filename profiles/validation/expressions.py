"""Expressions in definitions, checked against the types that they will be evaluated on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from profiles.definitions import type_names
from profiles.fhirpath.engine import compile_expression
from profiles.fhirpath.errors import FhirPathError
from profiles.fhirpath.shapes import Child, Shape, shape
from profiles.fhirpath.type_faults import type_faults

MAX_EXPRESSION = 20_000


def expression_fault(text: str, roots: Iterable[Shape], *, strangers: bool = False) -> str | None:
    """Return what is wrong with an expression on items of the types `roots`, None when it may be right.

    `strangers` as in `type_faults`. The answer continues a sentence: "cannot be read: ...".
    """
    if len(text) > MAX_EXPRESSION:
        return f"has more than {MAX_EXPRESSION:,} characters"
    try:
        compile_expression(text, lenient=True)
        faults = type_faults(text, roots, strangers=strangers)
    except (FhirPathError, RecursionError) as error:
        return f"cannot be read: {error or 'it nests too deeply'}"
    return f"can never be right: {faults[0].message}" if faults else None


@cache
def element_shapes(type_name: str, path: str) -> tuple[Shape, ...]:
    """Return the types that the element at a path of a profile on `type_name` may have, () where that is not known.

    The path is that of an ElementDefinition (`Patient.contact.name`), and may lead into data types.
    """
    if type_name not in type_names():
        return ()
    found = {shape(type_name)}
    for name in path.split(".")[1:]:
        found = {inside for each in found for inside in _inside(each, name)}
    return tuple(found)


def _inside(of: Shape, name: str) -> list[Shape]:
    child = of.children.get(name.removesuffix("[x]")) or of.by_json.get(name)
    if child is None:
        return []
    return [child.shape] if isinstance(child, Child) else [each.shape for each in child.values()]
