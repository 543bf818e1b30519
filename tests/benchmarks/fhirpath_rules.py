"""The invariants of R4 and of FR Core on its examples, each at its elements: our engine and `fhirpathpy`, rule by rule.

Compared are rules that `fhirpathpy` can evaluate and answers as we do at every element: it has no `hasValue()` on
objects, no way to `%rootResource`, and another opinion on choices.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import fhirpathpy

from profiles import definitions
from profiles.fhirpath.engine import compile_expression
from profiles.fhirpath.node import Node, Scope
from profiles.validation.profiled.at import At, at_root
from tests.benchmarks.figures import Figure

Json = dict[str, Any]
GOAL = 20


def fhirpath_rules(examples: Iterable[Json], profiles: Iterable[Json]) -> Figure:
    """Return how many times faster the rules of R4 and of `profiles` are on `examples` than `fhirpathpy` is."""
    rules: dict[str, list[Node]] = defaultdict(list)
    own = [each for each in profiles if each.get("resourceType") == "StructureDefinition"]
    for resource in examples:
        root = at_root(Scope.of(resource), resource["resourceType"])
        _walk(root, rules)
        for text in _of_profiles(own, resource["resourceType"]):
            rules[text].append(root.node)
    pairs = [found for text, nodes in rules.items() if (found := _compared(text, nodes)) is not None]
    ours = sum(seconds(mine, 20) for mine, _ in pairs)
    theirs = sum(seconds(other, 2) for _, other in pairs)
    measured = f"{theirs / ours:.1f} x fhirpathpy over {len(pairs)} rules"
    work = "invariants of R4 and FR Core on its examples"
    return Figure(work, measured, f"{GOAL} x fhirpathpy", theirs >= GOAL * ours)


def _walk(at: At, rules: dict[str, list[Node]]) -> None:
    names = [name for each in at.shape.ancestors for name in definitions.structure(each).root.constraints]
    if at.shape.path:
        names += definitions.at(at.shape.structure, at.shape.path).constraints
    for name in dict.fromkeys(names):
        rules[definitions.constraint(name).expression].append(at.node)
    for child in at.shape.by_json.values():
        for each in at.values(child):
            if each.value is not None:
                _walk(each, rules)


def _of_profiles(profiles: Iterable[Json], type: str) -> list[str]:
    """Return the rules that profiles add at the root of a type."""
    rows = [row for each in profiles if each.get("type") == type for row in each["differential"]["element"]]
    return [each["expression"] for row in rows if row["path"] == type for each in row.get("constraint", ())]


def _compared(text: str, nodes: list[Node]) -> tuple[Callable[[], object], Callable[[], object]] | None:
    """Return what evaluates a rule at all its elements here and there, None where `fhirpathpy` does not agree."""
    own = compile_expression(text, lenient=True)
    values = [node.value for node in nodes]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            other = fhirpathpy.compile(text)
            theirs = [other(value) == [True] for value in values]
        if theirs != [own.test(node) is True for node in nodes]:
            return None
    except Exception:  # Whatever it raises, it cannot evaluate the rule.
        return None
    return partial(_each, own.test, nodes), partial(_quietly, partial(_each, other, values))


def _each(evaluate: Callable[[Any], object], on: list[Any]) -> None:
    for each in on:
        evaluate(each)


def _quietly(work: Callable[[], object]) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        work()


def seconds(work: Callable[[], object], loops: int) -> float:
    """Return the seconds of processor that one call takes, the best of nine: others on the machine do not count."""
    times = []
    for _ in range(9):
        started = time.process_time()
        for _ in range(loops):
            work()
        times.append((time.process_time() - started) / loops)
    return min(times)
