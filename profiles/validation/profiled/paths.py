"""The paths of discriminators: names, `$this`, `extension('url')`, `resolve()`, `ofType(X)`, joined by dots.

They are followed through definitions and through data (http://hl7.org/fhir/R4/fhirpath.html#simple).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from profiles.definitions import type_names
from profiles.fhirpath.shapes import Child
from profiles.terminology.canonical import unversioned
from profiles.validation.profiled.at import At
from profiles.validation.profiled.context import BASE
from profiles.validation.profiled.definition import Definition
from profiles.validation.profiled.resolving import resolved
from profiles.validation.profiled.run import Run

if TYPE_CHECKING:
    from profiles.validation.profiled.tree import Tree

_STEP = re.compile(
    r"(?:(?P<this>\$this)|(?P<call>extension|ofType|resolve)\(\s*(?P<argument>'[^']*'|\"[^\"]*\"|[A-Za-z.]+)?\s*\)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9]*)(?:\[x\])?)(?:\.|$)"
)
MAX_STEPS = 32


@dataclass(frozen=True, slots=True)
class Step:
    """One step: an element's name, or a call (`extension`, `ofType`, `resolve`) with its argument."""

    name: str
    call: bool = False
    argument: str = ""


def parse_path(text: str) -> tuple[Step, ...] | None:
    """Return the steps of a discriminator's path, () for `$this`, None when it is none."""
    steps: list[Step] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or len(steps) == MAX_STEPS:
            return None
        if match["call"]:
            steps.append(Step(match["call"], True, (match["argument"] or "").strip("'\"").removeprefix("FHIR.")))
        elif match["name"]:
            steps.append(Step(match["name"]))
        at = match.end()
    return tuple(steps)


def values_at(at: At, steps: tuple[Step, ...], run: Run) -> list[At]:
    """Return the values at a path from one value."""
    found = [at]
    for step in steps:
        found = [each for here in found for each in _stepped(here, step, run)]
    return found


def _stepped(at: At, step: Step, run: Run) -> list[At]:
    if not step.call:
        return at_name(at, step.name)
    if step.name == "extension":
        found = at_name(at, "extension")
        return [each for each in found if isinstance(each.value, dict) and each.value.get("url") == step.argument]
    if step.name == "ofType":
        return [at] if step.argument in at.shape.ancestors else []
    target = resolved(at, run)
    return [target] if target is not None else []


def at_name(at: At, name: str) -> list[At]:
    """Return the values of the element `name` of a value, whichever type of a choice it has."""
    child = at.shape.children.get(name)
    if isinstance(child, dict):
        return at.chosen(child)
    if isinstance(child, Child):
        return at.values(child)
    one = at.shape.by_json.get(name)
    return at.values(one) if one is not None else []


def defined_at(definition: Definition, steps: tuple[Step, ...], tree: Tree) -> Iterator[tuple[Definition, Tree]]:
    """Yield what the definitions say at a path from an element, with the tree each is of."""
    if not steps:
        yield definition, tree
        # What is not said in the slice itself may be said by the profile on its type.
        for url in _urls(definition, "profile"):
            yield from _root(url, (), tree)
        return
    step, rest = steps[0], steps[1:]
    if step.call:
        yield from _called(definition, step, rest, tree)
        return
    child = next((each for each in tree.children(definition) if each.name.removesuffix("[x]") == step.name), None)
    if child is not None:
        yield from defined_at(child, rest, tree)
        for each in child.slices:
            yield from defined_at(each, rest, tree)
    for url in _urls(definition, "profile"):
        yield from _root(url, steps, tree)


def _called(
    definition: Definition, step: Step, rest: tuple[Step, ...], tree: Tree
) -> Iterator[tuple[Definition, Tree]]:
    if step.name == "ofType":
        if not definition.types or any(row.get("code") == step.argument for row in definition.types):
            yield from defined_at(definition, rest, tree)
    elif step.name == "resolve":
        for url in _urls(definition, "targetProfile"):
            yield from _root(url, rest, tree)
    else:
        whole = next((each for each in tree.children(definition) if each.name == "extension"), None)
        for each in whole.slices if whole else ():
            named = each.child("url")
            fixed = named.value_of("fixed") if named else None
            if (fixed and fixed[1] == step.argument) or step.argument in map(unversioned, _urls(each, "profile")):
                yield from defined_at(each, rest, tree)
        for url in _urls(definition, "profile"):
            yield from _root(url, (step, *rest), tree)


def _root(url: str, steps: tuple[Step, ...], tree: Tree) -> Iterator[tuple[Definition, Tree]]:
    """Yield what a profile says at a path; the root of R4's own types says the type, that of a profile its name."""
    name = unversioned(url).removeprefix(BASE)
    if not steps:
        profile = None if name in type_names() else tree.find(url)
        kind = profile.type if profile is not None else name
        yield Definition({"path": kind, "type": [{"code": kind, "profile": [url]}]}), tree
    if name in type_names():
        return
    profile = tree.find(url)
    if profile is not None and profile.tree is not tree:
        if steps:
            yield from defined_at(profile.tree.root, steps, profile.tree)
        else:
            yield profile.tree.root, profile.tree


def _urls(definition: Definition, key: str) -> list[str]:
    return [url for row in definition.types for url in row.get(key, ()) if isinstance(url, str)]
