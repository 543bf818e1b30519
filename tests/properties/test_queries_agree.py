"""Every node of the query tree: compiled SQL finds what `search.match` defines, page by page, while others write.

Both stores get the same generated world, with updates and deletions; every question is asked under a restriction, in
some order, with changes between the pages of its walk. At the end the features that were exercised are counted.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import fields, is_dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fhir_server.errors import TooCostly
from fhir_server.search import query as q
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, NewVersion, RecordTable, Scope, Store, Transaction
from fhir_server.store.connect import connect
from fhir_server.store.sql import compile_count, compile_entry, compile_hop, compile_plan, compile_select
from fhir_server.store.sqlite import dictionary
from profiles.restriction import ALL, ATTACHMENTS, RELATIONS, RULES, Restriction
from tests.fakes import kept_rules, worlds
from tests.fakes.clock import Clock
from tests.fakes.concepts import load
from tests.fakes.selections import CONCEPTS, EDGES, LOADED

WORLDS = 260
QUESTIONS = 90
EXERCISED: Counter[str] = Counter()


async def change(stores: list[Store], random: Random) -> None:
    """Write, change or delete one resource, the same in every store."""
    key = Key(random.choice(worlds.TYPES), random.choice(worlds.IDS))
    entries = worlds.entries(random, key.type)
    labels = worlds.some(random, lambda: random.choice(worlds.LABELS), 1)
    author, deletes = random.choice(worlds.AUTHORS), random.random() < 0.15
    for store in stores:

        async def work(tx: Transaction) -> None:
            before = await tx.read(key, restriction=ALL)
            number = before.number + 1 if before else 1
            if not deletes:
                owners, about = worlds.owners(key, entries), worlds.subjects(key, entries)
                version = NewVersion(key, number, "PUT", author, b"{}", owners, labels, subjects=about)
                await tx.put(version, entries)
            elif before and not before.deleted:
                owned = await tx.owners(key, before.number, restriction=ALL)
                marked = await tx.labels(key, before.number, restriction=ALL)
                about = await tx.subjects(key, before.number, restriction=ALL)
                ended = NewVersion(key, number, "DELETE", author, b"", owned, marked, subjects=about)
                await tx.put(ended, IndexEntries())

        await store.write(work)


async def decide(stores: list[Store], random: Random) -> None:
    """Open a care relation or change one, or what a consent refuses or is attached, the same in every store."""
    made = ((RELATIONS, kept_rules.relation), (RULES, kept_rules.rule), (ATTACHMENTS, kept_rules.attachment))
    table, make = random.choice(made)
    key, value, expires = make(random)
    for store in stores:

        async def work(tx: Transaction) -> None:
            await tx.records.put(table, key, value, expires=expires)

        await store.write(work)


async def same_versions(stores: list[Store], allowed: Restriction, random: Random) -> None:
    """Demand equal histories and equal single versions, current ones and old ones."""
    scope = random.choice((Scope(), Scope(random.choice(worlds.TYPES))))
    pages = [await store.history(scope, restriction=allowed) for store in stores]
    shown = [[(each.key, each.number) for each in page.versions] for page in pages]
    assert shown[0] == shown[1], (scope, allowed)
    key, number = Key(random.choice(worlds.TYPES), random.choice(worlds.IDS)), random.choice((1, 2, 3))
    read = [await store.read(key, restriction=allowed) for store in stores]
    old = [await store.vread(key, number, restriction=allowed) for store in stores]
    assert [each and each.number for each in read].count(read[0] and read[0].number) == 2, (key, allowed)
    assert (old[0] is None) == (old[1] is None), (key, number, allowed)
    EXERCISED.update({"versions of a history": len(shown[0])})


def question(random: Random) -> q.Query:
    targets = worlds.targets(random)
    return q.Query(targets, random.choice((1, 2, 5, 50)), sort=worlds.sorts(random), total=random.random() < 0.5)


async def walk(stores: list[Store], query: q.Query, allowed: Restriction, random: Random) -> None:
    """Walk all pages in the stores side by side, with changes between them, and demand equal answers."""
    met: list[tuple[Key, int | None]] = []
    while True:
        pages = await same(stores, query, allowed)
        counts = [await store.count(query.targets, restriction=allowed, position=query.position) for store in stores]
        assert counts[0] == counts[1], (counts, query, allowed)
        for page in pages:
            assert page.total in (None, counts[0]), (page.total, counts, query, allowed)
            EXERCISED["totals on a page"] += page.total is not None
        by_container = any(target.inner == "container" for target in query.targets)
        met += [(each.key, None if by_container else each.contained) for each in pages[0].versions]
        EXERCISED.update(pages=1, matches=len(pages[0].versions))
        if not query.inner:
            await include(stores, pages, allowed, random)
        if pages[0].next is None:
            break
        query = q.Query(query.targets, query.count, pages[0].next, pages[0].position, query.sort)
        if random.random() < 0.5:
            await change(stores, random)
            EXERCISED["changes during a walk"] += 1
    assert len(met) == len(set(met)), "a walk shows no resource twice"


async def same(stores: list[Store], query: q.Query, allowed: Restriction) -> list[Any]:
    """Demand equal first pages, and return them."""
    pages = [await store.search(query, restriction=allowed) for store in stores]
    answers = [
        ([(each.key, each.number, each.contained) for each in page.versions], page.next, page.position)
        for page in pages
    ]
    assert answers[0] == answers[1], (answers, query, allowed)
    return pages


async def include(stores: list[Store], pages: list[Any], allowed: Restriction, random: Random) -> None:
    step = an_include(random)
    found = [
        await store.include(page.versions, step, restriction=allowed, position=page.position, limit=9)
        for store, page in zip(stores, pages, strict=True)
    ]
    assert [(each.key, each.number) for each in found[0]] == [(each.key, each.number) for each in found[1]], step
    kind = "canonicals, " if step.canonicals else ""
    EXERCISED[kind + ("revinclude" if step.reverse else "include")] += len(found[0])


def an_include(random: Random) -> q.Include:
    """Return an include along references, along canonicals, or along both."""
    source, name = random.choice([(s, n) for s, names in worlds.REFERENCES.items() for n in names])
    names = worlds.REFERENCES[source] if random.random() < 0.5 else (name,)
    target, reverse = random.choice(("", *worlds.TARGETS[name])), random.random() < 0.5
    if random.random() < 0.5:
        return q.Include(source, names, target, reverse)
    led = (target,) if target else random.sample(worlds.TYPES, random.randint(1, 3))
    canonicals = tuple(worlds.canonical(each) for each in led)
    return q.Include(source, (*names, *worlds.CANONICALS), target, reverse, canonicals=canonicals)


def features(node: Any) -> Counter[str]:
    """Count the nodes of a tree, with their prefixes and modes."""
    found: Counter[str] = Counter()
    if isinstance(node, tuple):
        return sum((features(each) for each in node), found)
    if is_dataclass(node):
        details = [str(getattr(node, each)) for each in ("mode", "prefix") if hasattr(node, each)]
        kind = "Canonical" if getattr(node, "by", None) else ""
        found[" ".join([kind + type(node).__name__, *details])] += 1
        for each in fields(node):
            found += features(getattr(node, each.name))
    return found


async def compare(seed: int) -> None:
    random, clock = Random(seed), Clock(1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'fhir.db'}"
        fields = {RELATIONS: "pair", RULES: "patient", ATTACHMENTS: "binary"}
        kept = [RecordTable(name, indexed=(each,)) for name, each in fields.items()]
        stores = [await connect(each, clock=clock, criteria=worlds.criteria, tables=kept) for each in ("memory:", url)]
        try:
            for store in stores:
                assert (await load(store, concepts=CONCEPTS, edges=EDGES)).key == LOADED
            for _ in range(random.randint(0, 40)):
                clock.advance(0.3)
                await change(stores, random)
            # Beyond the latest moment asked about, so that no record has expired by the clock.
            for _ in range(random.randint(0, 12)):
                await decide(stores, random)
            for _ in range(QUESTIONS):
                query, allowed = question(random), worlds.restriction(random)
                try:
                    await walk(stores, query, allowed, random)
                    # Asked once more, a store may know already how, but not what has changed since.
                    await change(stores, random)
                    await decide(stores, random)
                    await same(stores, query, allowed)
                except TooCostly:
                    # Several types with questions within questions, each under a restriction of many parts.
                    EXERCISED["too large for the database"] += 1
                    continue
                await same_versions(stores, allowed, random)
                target = query.targets[0]
                where = worlds.node(random, target.type) if target.inner else target.where
                found = [await s.matches(target.type, where, restriction=allowed, limit=3) for s in stores]
                assert [each.key for each in found[0]] == [each.key for each in found[1]], (where, allowed)
                EXERCISED.update(queries=1)
                EXERCISED.update(f"target {each.inner or 'stored'}" for each in query.targets)
                EXERCISED.update(features(query) + features(allowed))
            assert await stores[1].check() == []
        finally:
            for store in stores:
                await store.close()


def considered(*args: Any, **how: Any) -> list[compile_plan.Considered]:
    found = compile_plan.consider(*args, **how)
    EXERCISED["starts from what is within reach"] += found[0].start.label == "what is within reach"
    return found


@settings(max_examples=WORLDS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    sample=st.sampled_from([1, 2, 5000]),
    glance=st.sampled_from([0, 1, 64]),
    split=st.sampled_from([1, 2, 64]),
    apart=st.booleans(),
    large=st.sampled_from([1, 10_000]),
)
# Text that is searched among stored and contained matches sorted together.
@example(seed=33672, sample=1, glance=64, split=1, apart=False, large=10_000)
def agree(seed: int, sample: int, glance: int, split: int, apart: bool, large: int) -> None:
    # Few rows are many to a small sample, so that every way to start a search is taken; and so are few values to a
    # small split, beyond which they are neither looked up at once nor merged piece by piece. What is hidden is counted
    # apart wherever that gives the number, and where a few are many, searches may start from what is within reach.
    with (
        patch.object(compile_plan, "SAMPLE", sample),
        patch.object(compile_plan, "GLANCE", glance),
        patch.object(compile_entry, "SPLIT", split),
        patch.object(compile_hop, "SPLIT", split),
        patch.object(compile_count, "is_worthwhile", lambda *_: apart),
        patch.object(dictionary, "LARGE", large),
        patch.object(compile_select, "consider", considered),
    ):
        asyncio.run(compare(seed))


def test_compiled_sql_finds_what_match_defines_for_every_node(capsys: Any) -> None:
    EXERCISED.clear()
    agree()
    with capsys.disabled():
        print("\nquery agreement:", ", ".join(f"{name} {count}" for name, count in sorted(EXERCISED.items())))  # noqa: T201
    nodes = {each.__name__ for each in (*q.Node.__args__,) if each.__name__ not in ("String", "Uri")}
    met = {name.partition(" ")[0] for name in EXERCISED}
    assert nodes | {"CanonicalChain", "CanonicalHas"} <= met
    assert {"OfTypes", "About", "Related", "Consented", "Attached"} <= met
    assert EXERCISED["starts from what is within reach"] > 100
    assert EXERCISED["queries"] >= 20_000
    assert EXERCISED["too large for the database"] < EXERCISED["queries"] // 500
