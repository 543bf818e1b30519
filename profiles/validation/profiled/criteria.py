"""What tells slices apart: each discriminator of a slicing as a question about a value.

A discriminator has a kind and a path. The path is followed twice: once through the definitions, to learn what the
slice says there (a fixed value, a pattern, a required binding, types, profiles, cardinality), and for every value
through the data (http://hl7.org/fhir/R4/profiling.html#discriminator).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from profiles.fhirpath.shapes import Child
from profiles.terminology.canonical import unversioned
from profiles.terminology.errors import NotExpandable
from profiles.validation.profiled.at import At
from profiles.validation.profiled.bound import value_in
from profiles.validation.profiled.conform import conforms
from profiles.validation.profiled.definition import Definition
from profiles.validation.profiled.fixed import has_pattern, is_fixed
from profiles.validation.profiled.paths import Step, defined_at, parse_path, values_at
from profiles.validation.profiled.run import Run

if TYPE_CHECKING:
    from profiles.validation.profiled.tree import Tree

Criterion = Callable[[At, Run], bool]


def criteria_of(definition: Definition, discriminators: list[dict[str, Any]], tree: Tree) -> tuple[Criterion, ...]:
    """Return the questions that a value answers with yes to fall into a slice; never is the answer to no question."""
    found: list[Criterion] = []
    for each in discriminators:
        path = str(each.get("path", "$this"))
        steps = parse_path(path)
        if steps is None:
            tree.note(definition.id, f"has the discriminator {path!r}, which is no path of a discriminator")
            continue
        criterion = _criterion(str(each.get("type")), steps, definition, tree)
        if criterion is not None:
            found.append(criterion)
    if not found:
        tree.note(definition.id, "is a slice that no discriminator tells from others; give it a fixed value or pattern")
        return (_never,)
    return tuple(found)


def _never(at: At, run: Run) -> bool:
    return False


def _criterion(kind: str, steps: tuple[Step, ...], definition: Definition, tree: Tree) -> Criterion | None:
    """Return the question of one discriminator, None where the slice says nothing about it."""
    if kind == "value" and len(steps) == 1 and steps[0].name == "url":
        return _by_url(definition)
    defined = list(defined_at(definition, steps, tree))
    if kind == "exists":
        return _exists(steps, [each for each, _ in defined])
    if kind == "type":
        return _typed(steps, [each for each, _ in defined])
    if kind == "profile":
        return _profiled(steps, [each for each, _ in defined])
    speaking = [(each, asked, of) for each, of in defined if (asked := _valued(each)) is not None]
    if speaking:
        # Slices inside narrow what the element says, so either may hold; a type's profile speaks last.
        first = [(each, asked) for each, asked, of in speaking if of is speaking[0][2]]
        return _any_at(steps, [asked for _, asked in first], [_stated(each) for each, _ in first])
    for each, of in defined:
        nested = list(_nested(each, of))
        if nested:
            return _all_at(steps, nested)
    return _exists(steps, [each for each, _ in defined])


def _by_url(definition: Definition) -> Criterion | None:
    """Return the question after the url of an extension: fixed in the slice, or that of the profile on its type."""
    url = definition.child("url")
    stated = (url.value_of("fixed") or url.value_of("pattern")) if url else None
    urls = {stated[1]} if stated else set()
    if not urls:
        urls = {
            unversioned(each) for row in definition.types for each in row.get("profile", ()) if isinstance(each, str)
        }

    def asked(at: At, run: Run) -> bool:
        return at.value.__class__ is dict and at.value.get("url") in urls

    return asked if urls else None


Question = Callable[[At, Run], bool]


def _stated(definition: Definition) -> Callable[[Any], bool] | None:
    """Return whether the JSON of a value is what the definition has as fixed value or pattern, None without one."""
    fixed = definition.value_of("fixed")
    if fixed is not None:
        return lambda value: is_fixed(value, fixed[1])
    pattern = definition.value_of("pattern")
    if pattern is not None:
        return lambda value: has_pattern(value, pattern[1])
    return None


def _valued(definition: Definition) -> Question | None:
    """Return whether a value is what the definition at the discriminator's path says, None where it says nothing."""
    stated = _stated(definition)
    if stated is not None:
        return lambda at, run: stated(at.value)
    binding = definition.raw.get("binding")
    if isinstance(binding, dict) and binding.get("strength") == "required" and isinstance(binding.get("valueSet"), str):
        return _bound(binding)
    return None


def _bound(binding: Mapping[str, Any]) -> Question:
    def asked(at: At, run: Run) -> bool:
        try:
            return value_in(at, str(binding["valueSet"]), run.context) is True
        except NotExpandable:
            run.untold = True
            return False

    return asked


def _nested(
    definition: Definition, tree: Tree, names: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[Step, ...], Question]]:
    """Yield (path, question) of what is fixed below an element that has nothing fixed itself."""
    for child in tree.children(definition) if len(names) < 4 else ():
        path = (*names, child.name.removesuffix("[x]"))
        asked = _valued(child)
        if asked is not None:
            yield tuple(Step(name) for name in path), asked
        else:
            yield from _nested(child, tree, path)


def _any_at(
    steps: tuple[Step, ...], questions: list[Question], stated: Sequence[Callable[[Any], bool] | None]
) -> Criterion:
    """Return whether a value at the path is what one of the questions asks; `stated` are those of the JSON alone."""

    def criterion(at: At, run: Run) -> bool:
        return any(asked(each, run) for each in values_at(at, steps, run) for asked in questions)

    tests = [each for each in stated if each is not None]
    if len(tests) < len(questions) or len(steps) > 1 or any(step.call for step in steps):
        return criterion
    return _any_stated(steps[0].name if steps else "", tests, criterion)


def _any_stated(name: str, tests: list[Callable[[Any], bool]], otherwise: Criterion) -> Criterion:
    """Return `otherwise`, answered from the JSON where it can be: most slices are told apart by a system or a code."""

    def criterion(at: At, run: Run) -> bool:
        value = at.value
        if name:
            if value.__class__ is not dict or at.shape.children.get(name).__class__ is not Child:
                return otherwise(at, run)
            value = value.get(name)
        if value.__class__ is list and name:
            return any(test(each) for each in value for test in tests)
        return value is not None and any(test(value) for test in tests)

    return criterion


def _all_at(steps: tuple[Step, ...], nested: list[tuple[tuple[Step, ...], Question]]) -> Criterion:
    def criterion(at: At, run: Run) -> bool:
        return any(
            all(any(asked(each, run) for each in values_at(there, path, run)) for path, asked in nested)
            for there in values_at(at, steps, run)
        )

    return criterion


def _exists(steps: tuple[Step, ...], defined: list[Definition]) -> Criterion | None:
    if any(each.most == 0 for each in defined):
        return lambda at, run: not values_at(at, steps, run)
    if any(each.least > 0 for each in defined):
        return lambda at, run: bool(values_at(at, steps, run))
    return None


def _typed(steps: tuple[Step, ...], defined: list[Definition]) -> Criterion | None:
    names = {str(row.get("code")) for each in defined for row in each.types}
    if not names:
        return None

    def criterion(at: At, run: Run) -> bool:
        return any(not names.isdisjoint(each.shape.ancestors) for each in values_at(at, steps, run))

    return criterion


def _profiled(steps: tuple[Step, ...], defined: list[Definition]) -> Criterion | None:
    """Return the question after the profiles of a slice, after its types where it names none."""
    urls = [str(url) for each in defined for row in each.types for url in row.get("profile", ())]
    if not urls:
        return _typed(steps, defined)

    def criterion(at: At, run: Run) -> bool:
        there = values_at(at, steps, run)
        return any(conforms(each, url, run) for each in there for url in urls)

    return criterion
