"""Rules that nobody would write: whatever a rule is, each store selects what its meaning in plain Python selects."""

from __future__ import annotations

import random

import pytest

from fhir_server.store.base import Store
from fhir_server.store.concepts import NewConcept
from fhir_server.store.memory_concepts import System, selects
from profiles.terminology.head import Head
from profiles.terminology.selection import (
    Above,
    Active,
    AllOf,
    AnyOf,
    Below,
    Beside,
    Codes,
    Existing,
    Having,
    Like,
    Not,
    Rule,
    Selectable,
    Selection,
    Whole,
)
from tests.fakes.concepts import load

HEAD = Head(0, "http://example.org/fhir/CodeSystem/random", "1", "Random", case_sensitive=True)
SIZE = 40
RULES = 60


def concept(chance: random.Random, number: int) -> NewConcept:
    properties = [(name, "code", chance.choice("xyz")) for name in ("p", "q") if chance.random() < 0.6]
    display = f"{chance.choice(('red', 'green'))} {number}" if chance.random() < 0.9 else None
    flags = chance.random() < 0.2, chance.random() < 0.2
    return NewConcept(f"C{number}", display, None, *flags, (), properties)  # type: ignore[arg-type]


def rule(chance: random.Random, depth: int) -> Rule:
    """Return a rule at random; some of its codes and properties do not exist."""
    codes = tuple(f"C{chance.randrange(SIZE + 5)}" for _ in range(chance.randint(1, 3)))
    leaves: list[Rule] = [
        Whole(),
        Codes(codes),
        Below(codes[0], chance.random() < 0.5),
        Above(codes[0]),
        Beside(codes, chance.choice(("children", "parents"))),
        Having(chance.choice(("p", "q", "r", "display")), (chance.choice("xyz"), "red 3")),
        Existing(chance.choice(("p", "r", "parent", "child", "display"))),
        Like(chance.choice(("display", "code", "p")), chance.choice(("red.*", "C1.", "[xy]", ".*3"))),
        Active(),
        Selectable(),
    ]
    if depth == 0 or chance.random() < 0.4:
        return chance.choice(leaves)
    parts = tuple(rule(chance, depth - 1) for _ in range(chance.randint(1, 3)))
    return chance.choice((AnyOf(parts), AllOf(parts), Not(parts[0])))


@pytest.mark.parametrize("seed", range(4))
async def test_a_store_selects_what_a_rule_means(store: Store, seed: int):
    chance = random.Random(seed)
    concepts = [concept(chance, number) for number in range(SIZE)]
    edges = [(f"C{chance.randrange(SIZE)}", f"C{chance.randrange(SIZE)}") for _ in range(SIZE)]
    key = (await load(store, HEAD, concepts, edges)).key
    plain = System(HEAD, {each.code: each for each in concepts})
    for child, parent in edges:
        plain.parents.setdefault(child, set()).add(parent)
        plain.children.setdefault(parent, set()).add(child)
    for _ in range(RULES):
        wanted = rule(chance, 3)
        expected = [each.code for each in concepts if selects(plain, wanted, each.code)]
        selection = Selection(key, wanted)
        assert [each.code for each in await store.concepts.slice(selection, 0, SIZE)] == expected, wanted
        assert await store.concepts.count(selection) == len(expected)
        asked = [f"C{number}" for number in range(SIZE + 5)]
        assert await store.concepts.among(selection, asked) == frozenset(expected)
        assert store.concepts.glance(selection, asked) in (None, frozenset(expected))
