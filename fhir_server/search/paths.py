"""Search expressions that are plain paths, typed statically from the R4 definitions.

Nearly all official expressions only walk down (`Patient.name.family`), perhaps with a cast at the end or a filter on
the type a reference points to. `parse_path` understands those; what it returns None for goes to the FHIRPath engine.
A test demands that both roads find the same on the examples of the standard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from profiles import definitions
from profiles.definitions import Element

_ROOT = re.compile(r"[\s(]*([A-Z]\w*)\b")
_PATH = re.compile(
    r"""(?P<open>\()? (?P<root>[A-Z]\w*) (?P<steps>(?:\.[a-z]\w*(?!\w*\())*)
    (?: \s+as\s+(?P<cast>\w+)\) | \.(?:as|ofType)\((?P<call>\w+)\) )?
    (?P<after>(?:\.[a-z]\w*(?!\w*\())*)
    (?: \.where\(\s*resolve\(\)\s+is\s+(?P<target>\w+)\s*\) )?""",
    re.VERBOSE,
)
_CASTS = {"DateTime": "dateTime"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One way to the values of a path: JSON property names from the resource down, each with whether it is an array.

    `data_type` is what is found at its end; `value_set` the required binding there, "" if there is none.
    """

    steps: tuple[tuple[str, bool], ...]
    data_type: str
    value_set: str


@dataclass(frozen=True, slots=True)
class Path:
    """A plain path: element names below the resource, an optional cast, and the type a reference must point to."""

    root: str
    names: tuple[str, ...]
    cast: str = ""
    cast_at: int = 0
    target: str = ""


def alternatives(expression: str) -> tuple[str, ...]:
    """Return the operands of the unions at the top of `expression`, outermost parentheses around them removed."""
    text = expression.strip()
    parts: list[str] = []
    depth = start = 0
    quoted = False
    for at, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "|" and not quoted and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    parts.append(text[start:].strip())
    return tuple(part for part in parts if part)


def root_of(alternative: str) -> str | None:
    """Return the type an alternative starts from, None when it starts from an element (`name`, `id`)."""
    found = _ROOT.match(alternative)
    return found[1] if found and found[1] in definitions.type_names() else None


def parse_path(alternative: str) -> Path | None:
    """Return the plain path that `alternative` is, or None when it is more than that."""
    found = _PATH.fullmatch(alternative.strip())
    if found is None or (found["cast"] is None) == (found["open"] is not None):
        return None
    names = tuple(name for name in found["steps"].split(".") if name)
    after = tuple(name for name in found["after"].split(".") if name)
    cast = found["cast"] or found["call"] or ""
    if after and not cast:
        return None
    return Path(found["root"], names + after, _CASTS.get(cast, cast), len(names) if cast else 0, found["target"] or "")


def leaves(resource_type: str, path: Path) -> tuple[Leaf, ...]:
    """Return every JSON road of `path` in `resource_type`; empty when the type has no such element."""
    start = definitions.structure(resource_type).root
    return tuple(_descend(path, 0, resource_type, start, ()))


def _descend(
    path: Path, depth: int, owner: str, parent: Element, taken: tuple[tuple[str, bool], ...]
) -> Iterator[Leaf]:
    element = _child(owner, parent, path.names[depth])
    if element is None:
        return
    for json_name, alternative in element[1].json_names().items():
        code = alternative.code if alternative else ""
        if path.cast and depth + 1 == path.cast_at and not (code and definitions.is_a(code, path.cast)):
            continue
        steps = (*taken, (json_name, element[1].repeats))
        if depth + 1 == len(path.names):
            bound = element[1].strength == "required" and element[1].value_set
            yield Leaf(steps, code, bound or "")
        elif element[1].children or element[1].content or not code:
            yield from _descend(path, depth + 1, element[0], element[1], steps)
        elif code not in definitions.primitive_types() and code != "Resource":
            yield from _descend(path, depth + 1, code, definitions.structure(code).root, steps)


def _child(owner: str, parent: Element, name: str) -> tuple[str, Element] | None:
    """Find the element `name` below `parent` of type `owner`, with the type whose tree it is part of."""
    if parent.content:
        parent = definitions.at(owner, parent.content)
    for child in parent.children:
        if child.name == name:
            return owner, child
    if parent.path:
        return None
    base = definitions.structure(owner).base
    return _child(base, definitions.structure(base).root, name) if base else None
