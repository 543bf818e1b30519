"""Below and above are each other's inverse, on hierarchies with several parents and with circles."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from profiles.terminology.expand import expand
from profiles.terminology.hierarchy import above, below
from tests.fakes.terminology import ANIMALS, SYSTEM, filtered, stored, value_set

MOST = 9
PAIRS = st.tuples(st.integers(0, MOST - 1), st.integers(0, MOST - 1))


def nested(codes: list[str], parents: list[int]) -> list[dict[str, Any]]:
    """Return the concepts as a forest: `parents[n]` is the index of the parent of code n, n itself for a root."""
    concepts: list[dict[str, Any]] = [{"code": code, "concept": [], "property": []} for code in codes]
    for index, parent in enumerate(parents):
        if parent != index:
            concepts[parent]["concept"].append(concepts[index])
    return concepts


def reachable(edges: set[tuple[str, str]], codes: list[str]) -> set[tuple[str, str]]:
    """Return the reflexive and transitive closure, the slow and plain way."""
    closed = edges | {(code, code) for code in codes}
    for middle in codes:
        closed |= {(a, b) for a in codes for b in codes if (a, middle) in closed and (middle, b) in closed}
    return closed


@st.composite
def hierarchies(draw: st.DrawFn) -> tuple[dict[str, Any], list[str], set[tuple[str, str]]]:
    """Draw a CodeSystem, its codes, and its (child, parent) pairs: from nesting, and from each kind of property."""
    size = draw(st.integers(1, MOST))
    codes = [f"c{n}" for n in range(size)]
    parents = [draw(st.integers(0, n)) for n in range(size)]
    concepts = nested(codes, parents)
    edges = {(codes[n], codes[parent]) for n, parent in enumerate(parents) if parent != n}
    for child, parent in draw(st.lists(PAIRS, max_size=12)):
        if max(child, parent) < size:
            name = draw(st.sampled_from(("parent", "subsumedBy", "broader", "child")))
            owner, value = (parent, child) if name == "child" else (child, parent)
            concepts[owner]["property"].append({"code": name, "valueCode": codes[value]})
            edges.add((codes[child], codes[parent]))
    roots = [concept for n, concept in enumerate(concepts) if parents[n] == n]
    return {**ANIMALS, "concept": roots}, codes, edges


@given(hierarchies())
def test_below_and_above_are_inverse_and_are_the_closure(
    drawn: tuple[dict[str, Any], list[str], set[tuple[str, str]]],
) -> None:
    system, codes, edges = drawn
    resolve = stored(system)
    down = {(code, of) for of in codes for code in below(SYSTEM, of, resolve)}
    up = {(code, of) for code in codes for of in above(SYSTEM, code, resolve)}

    assert down == up == reachable(edges, codes)


@given(hierarchies())
def test_a_filter_by_is_a_has_the_codes_below(drawn: tuple[dict[str, Any], list[str], set[tuple[str, str]]]) -> None:
    system, codes, _ = drawn
    resolve = stored(system)
    for code in codes:
        kinds = value_set("kinds", filtered("concept", "is-a", code))
        assert {found for _, found in expand(kinds, resolve)} == below(SYSTEM, code, resolve)
