"""Full text: words are found as long as their version may be asked for, and not longer."""

from __future__ import annotations

import pytest

from fhir_server.search.query import And, Node, Not, Query, Target, Token, Words
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, Store
from profiles.restriction import ALL, HasLabel, Restriction
from profiles.restriction import Not as Unless
from tests.contract.conftest import LIFETIME
from tests.fakes.clock import Clock
from tests.fakes.statements import code, keep
from tests.fakes.versions import RED, delete, new


def words(*phrases: str, narrative: bool = False) -> Words:
    """Return the question for phrases; one that ends in an asterisk is open."""
    return Words(tuple((tuple(each.rstrip("*").split()), each.endswith("*")) for each in phrases), narrative)


async def found(store: Store, node: Node, position: int | None = None, restriction: Restriction = ALL) -> str:
    query = Query((Target("Observation", node),), position=position)
    ids = " ".join(each.key.id for each in (await store.search(query, restriction=restriction)).versions)
    count = await store.count((Target("Observation", node),), restriction=restriction, position=position)
    assert count == len(ids.split())
    return ids


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (words("heart"), "a"),
        (words("heart*"), "a b"),
        (words("heart rate"), "a"),
        (words("rate heart"), ""),
        (words("rate", "heart*"), "a b"),
        (words("pulse", narrative=True), ""),
        (words("pulse"), "a"),
        (words("rate pulse"), ""),
        (words("cœur"), "c"),
        (words("é"), ""),
        (words("and"), "c"),
        (Not(words("heart*")), "c d"),
        (And((words("rate"), Token("code", None, "x"))), "b"),
    ],
    ids=str,
)
async def test_words_and_phrases(store: Store, node: Node, expected: str):
    await keep(store, "Observation/a", texts=("heart rate", "pulse"))
    await keep(store, "Observation/b", tokens=code("x"), texts=("", "heartbeat rate"))
    await keep(store, "Observation/c", texts=("", "cœur and or not"))
    await keep(store, "Observation/d")
    await keep(store, "Condition/other", texts=("heart rate pulse cœur and", ""))
    assert await found(store, node) == expected


async def test_words_leave_with_their_version(store: Store, clock: Clock):
    key = Key("Observation", "a")
    await keep(store, "Observation/a", texts=("before", "rest"))
    first = await store.position()
    await keep(store, "Observation/a", 2, texts=("after", "rest"))
    assert await found(store, words("before")) == ""
    assert await found(store, words("after")) == "a"
    assert await found(store, words("before"), first) == "a", "a walk that began before still finds them"
    await delete(store, key)
    assert await found(store, words("after")) == await found(store, words("before"), first) == ""
    clock.advance(LIFETIME + 1)
    assert await store.sweep() == 2
    await keep(store, "Observation/a", 4, texts=("again", "rest"))
    for gone in ("before", "after"):
        assert await found(store, words(gone)) == ""
    assert await found(store, words("again")) == await found(store, words("rest")) == "a"


async def test_words_of_what_may_not_be_seen_are_not_found(store: Store):
    await keep(store, "Observation/a", labels=[RED], texts=("heart", ""))
    await keep(store, "Observation/b", texts=("heart", ""))
    assert await found(store, words("heart"), restriction=Unless(HasLabel(*RED))) == "b"
    assert await found(store, words("heart"), restriction=HasLabel(*RED)) == "a"


async def test_a_work_that_failed_leaves_no_words(store: Store):
    async def work(tx):
        await tx.put(new(Key("Observation", "a"), 1), IndexEntries(texts=("heart", "")))
        # Asking makes it written, so that there is something to take back.
        asked = Query((Target("Observation", words("heart")),))
        assert [each.key.id for each in (await tx.search(asked, restriction=ALL)).versions] == ["a"]
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await store.write(work)
    await keep(store, "Observation/b", texts=("beat", ""))
    assert await found(store, words("heart")) == ""
    assert await found(store, words("beat")) == "b"
