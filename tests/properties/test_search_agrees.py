"""Compiled SQL finds what `search.match` defines of resources: the SQLite store and the memory store answer alike.

Both get the same resources, written, changed and deleted, some of it between the pages of a walk. Every search is made
under a restriction. At the end the features that were exercised are counted, and each must have been.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.search.parse import criteria, parse
from fhir_server.search.query import And, Chain, Has, Node, Not, Or, Query, Target
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, NewVersion, Store, Transaction
from fhir_server.store.connect import connect
from fhir_server.store.sql import compile_plan
from profiles.restriction import ALL, HasLabel, Restriction
from profiles.restriction import Not as Unless
from tests.fakes.clock import Clock
from tests.properties.strategies import BASE, CHANGES, INHABITANTS, RESTRICTIONS, SEARCHES, Change

REGISTRY = Registry()
EXTRACTOR = Extractor(REGISTRY)
NOW = 1_582_934_400_000_000
"""2020-02-29T00:00:00Z, so that searches by _lastUpdated have dates on both sides."""
DAY = 86_400.0


async def change(store: Store, wanted: Change) -> None:
    id, author, content = wanted
    deleting = isinstance(content, str)
    key = Key(content if deleting else content["resourceType"], id)

    async def work(tx: Transaction) -> None:
        current = await tx.read(key, restriction=ALL)
        if deleting and (current is None or current.deleted):
            return
        number = current.number + 1 if current else 1
        if deleting:
            assert current is not None
            owners = await tx.owners(key, current.number, restriction=ALL)
            labels = await tx.labels(key, current.number, restriction=ALL)
            await tx.put(NewVersion(key, number, "DELETE", author, b"", owners, labels), IndexEntries())
            return
        resource = {**content, "id": id}
        entries = EXTRACTOR.entries(resource, base=BASE)
        owners = [Key(*owner) for owner in EXTRACTOR.owners(resource, entries)]
        body = msgspec.json.encode(resource)
        version = NewVersion(key, number, "PUT", author, body, owners, EXTRACTOR.labels(resource))
        await tx.put(version, entries)

    await store.write(work)


async def page(store: Store, query: Query, restriction: Restriction) -> tuple[list[tuple[Key, int]], int | None, int]:
    found = await store.search(query, restriction=restriction)
    return [(version.key, version.number) for version in found.versions], found.next, found.position


async def walk(stores: Sequence[Store], query: Query, restriction: Restriction, between: list[Change]) -> Counter[str]:
    """Walk all pages in both stores side by side, changing something after each page, and demand equal answers."""
    seen: Counter[str] = Counter()
    waiting = list(between)
    met: list[Key] = []
    while True:
        answers = [await page(store, query, restriction) for store in stores]
        assert answers[0] == answers[1]
        counts = [
            await store.count(query.targets, restriction=restriction, position=query.position) for store in stores
        ]
        assert counts[0] == counts[1]
        rows, following, position = answers[0]
        met += [key for key, _ in rows]
        seen["pages"] += 1
        seen["matches"] += len(rows)
        if following is None:
            break
        query = Query(query.targets, query.count, following, position)
        if waiting:
            wanted = waiting.pop()
            for store in stores:
                await change(store, wanted)
            seen["changes during a walk"] += 1
    assert len(met) == len(set(met)), "a walk shows no resource twice"
    return seen


def features(query: Node) -> Counter[str]:
    match query:
        case And(nodes) | Or(nodes):
            return sum((features(each) for each in nodes), Counter({type(query).__name__: 1}))
        case Not(node) | Chain(_, _, node) | Has(_, _, node):
            return Counter({type(query).__name__: 1}) + features(node)
    details = [str(getattr(query, name)) for name in ("mode", "prefix") if hasattr(query, name)]
    return Counter({" ".join([type(query).__name__, *details]): 1})


EXERCISED: Counter[str] = Counter()


LABELLED = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "x"},
    "meta": {"security": [{"code": "local"}]},
}

MEASURED = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]},
    "valueQuantity": {"value": 2, "system": "http://unitsofmeasure.org", "code": "m"},
}


# Full text and composites, which are drawn seldom.
@example(
    history=[("a1", "anna", LABELLED), ("a2", "anna", MEASURED)],
    searches=[
        (("Observation", parameters), ALL, 1)
        for parameters in ((("_content", "x"),), (("_text", "x"),), (("code-value-quantity", "8302-2$gt1"),))
    ],
    between=[],
    sample=compile_plan.SAMPLE,
)
# During the walk one match is deleted and another is no longer permitted.
@example(
    history=[],
    searches=[(("Observation", ()), Unless(HasLabel("", "local")), 1)],
    between=[("a3", "anna", LABELLED), ("b3", "anna", "Observation")],
    sample=compile_plan.SAMPLE,
)
@settings(max_examples=110, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    history=st.lists(CHANGES, max_size=12),
    searches=st.lists(st.tuples(SEARCHES, RESTRICTIONS, st.integers(1, 3)), min_size=15, max_size=40),
    between=st.lists(CHANGES, max_size=12),
    sample=st.sampled_from([1, 2, compile_plan.SAMPLE]),
)
def agree(history: list[Change], searches: list[Any], between: list[Change], sample: int) -> None:
    # Few rows are many to a small sample, so that every way to start a search is taken.
    with patch.object(compile_plan, "SAMPLE", sample), patch.object(compile_plan, "GLANCE", min(sample, 64)):
        asyncio.run(compare(history, searches, between))


async def compare(history: list[Change], searches: list[Any], between: list[Change]) -> None:
    clock = Clock(NOW)
    read = criteria(REGISTRY, base=BASE, now=NOW)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'fhir.db'}"
        stores = [await connect("memory:", clock=clock, criteria=read), await connect(url, clock=clock, criteria=read)]
        try:
            for each in [*INHABITANTS, *history]:
                clock.advance(DAY / 8)
                for store in stores:
                    await change(store, each)
            for (kind, parameters), restriction, count in searches:
                where = parse(kind, parameters, REGISTRY, base=BASE, now=NOW).where
                seen = await walk(stores, Query((Target(kind, where),), count), restriction, between)
                found = [await store.matches(kind, where, restriction=restriction, limit=2) for store in stores]
                assert [each.key for each in found[0]] == [each.key for each in found[1]]
                EXERCISED.update(seen + features(where) + Counter({f"restriction {type(restriction).__name__}": 1}))
        finally:
            for store in stores:
                await store.close()


PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
EXPECTED = {
    *(
        "And",
        "Or",
        "Not",
        "Token",
        "Reference",
        "Uri exact",
        "Uri below",
        "Id",
        "String prefix",
        "String contains",
        "String exact",
    ),
    *("Chain", "Has", "Together", "Words"),
    *(f"Date {prefix}" for prefix in PREFIXES),
    *("LastUpdated gt", "LastUpdated lt", "LastUpdated eq", "pages", "matches", "changes during a walk"),
    *("restriction AllOf", "restriction AnyOf", "restriction Not", "restriction Matches", "restriction InCompartment"),
}


def test_compiled_sql_finds_what_match_defines(capsys: Any) -> None:
    EXERCISED.clear()
    agree()
    with capsys.disabled():
        print("\nsearch agreement:", ", ".join(f"{name} {count}" for name, count in sorted(EXERCISED.items())))  # noqa: T201
    assert set(EXERCISED) >= EXPECTED, f"never exercised: {sorted(EXPECTED - set(EXERCISED))}"
