"""Statements that are kept: reused as of any later position, and never for anything but what they were compiled for."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from fhir_server.search.query import Chain, Include, Node, Not, Or, Present, Query, Reference, Target, Token
from fhir_server.store.base import Key, Page
from fhir_server.store.sql import compile_hop
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite import dictionary, plans, reading
from fhir_server.store.sqlite.dictionary import KEPT, Recent
from fhir_server.store.sqlite.plans import LIMIT, MOST, POSITION, ROWS, Plans, at, has_criteria, key_of, step
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL, AllOf, AnyOf, HasLabel, InCompartment, Matches, Restriction, WrittenBy
from profiles.restriction import Not as Unless
from tests.fakes.statements import code, keep, to
from tests.fakes.versions import RED, delete

X = Token("code", None, "x")
SUBJECT = Include("Observation", ("subject",))


async def page(store: SqliteStore, where: Node = X, restriction: Restriction = ALL, count: int = 9) -> Page:
    return await store.search(Query((Target("Observation", where),), count), restriction=restriction)


async def found(store: SqliteStore, where: Node = X, restriction: Restriction = ALL) -> str:
    return " ".join(each.key.id for each in (await page(store, where, restriction)).versions)


class Compiled:
    """Counts how often a page is compiled."""

    def __init__(self) -> None:
        self.times = 0
        self._compile = reading.compile_page

    def __call__(self, *arguments, **named):
        self.times += 1
        return self._compile(*arguments, **named)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Compiled:
    counts = Compiled()
    monkeypatch.setattr(reading, "compile_page", counts)
    return counts


async def test_a_first_page_is_compiled_once_and_sees_what_was_written_since(store: SqliteStore, compiled: Compiled):
    await keep(store, "Observation/1", tokens=code("x"))
    assert await found(store) == "1"
    await keep(store, "Observation/2", tokens=code("x"))
    assert await found(store) == "1 2"
    await delete(store, Key("Observation", "1"))
    assert await found(store) == "2"
    assert compiled.times == 1


async def test_counts_are_good_for_a_while(store: SqliteStore, compiled: Compiled, monkeypatch: pytest.MonkeyPatch):
    seconds = [100.0]
    monkeypatch.setattr(plans, "monotonic", lambda: seconds[0])
    await keep(store, "Observation/1", tokens=code("x"))
    for later, times in ((0, 1), (KEPT - 1, 1), (2, 2)):
        seconds[0] += later
        assert await found(store) == "1"
        assert compiled.times == times


@pytest.mark.parametrize("forgets", [False, True])
async def test_another_token_of_the_same_code_is_found(
    store: SqliteStore, forgets: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store._dictionary, "folded", Recent(1))
    await keep(store, "Observation/1", tokens=[("code", "http://s", "x", 0), ("code", "http://s", "y", 0)])
    assert await found(store) == "1"
    if forgets:
        # Nobody remembers that x was ever asked for.
        assert await found(store, Token("code", None, "y")) == "1"
    await keep(store, "Observation/2", tokens=[("code", "http://t", "X", 0)])
    assert await found(store) == "1 2"


@pytest.mark.parametrize(
    "where",
    [
        X,
        Reference("subject", "Patient", "1"),
        Or((Token("code", None, "z"), X)),
        Not(Not(X)),
        Present("code"),
        Chain("subject", "Patient", X),
    ],
    ids=str,
)
async def test_what_was_never_met_is_found_once_it_is_there(store: SqliteStore, where: Node):
    await keep(store, "Observation/0", tokens=[("status", "", "z", 0)])
    assert await found(store, where) == await found(store, where) == ""
    await keep(store, "Patient/1", tokens=code("x"))
    await keep(store, "Observation/1", tokens=code("x"), references=to("subject", "Patient/1"))
    assert await found(store, where) == "1"


@pytest.mark.parametrize("split", [0, 64])
async def test_the_targets_of_a_chain_are_those_of_now(store: SqliteStore, split: int):
    with patch.object(compile_hop, "SPLIT", split):
        for id in "12":
            await keep(store, f"Patient/{id}", tokens=code("x" if id == "1" else "y"))
            await keep(store, f"Observation/{id}", references=to("subject", f"Patient/{id}"))
        chain = Chain("subject", "Patient", X)
        assert await found(store, chain) == "1"
        await keep(store, "Patient/2", 2, tokens=code("x"))
        assert await found(store, chain) == "1 2"
        await delete(store, Key("Patient", "1"))
        assert await found(store, chain) == "2"


RESTRICTIONS = [
    (ALL, "1 2"),
    (InCompartment("Patient", "1"), "1"),
    (InCompartment("Patient", "2"), "2"),
    (Unless(InCompartment("Patient", "2")), "1"),
    (HasLabel(*RED), "2"),
    (WrittenBy("ben"), "2"),
    (WrittenBy("nobody"), ""),
    (AnyOf((WrittenBy("nobody"), InCompartment("Patient", "1"))), "1"),
]


async def two_patients(store: SqliteStore) -> None:
    for id, author, labels in (("1", "alice", []), ("2", "ben", [RED])):
        owner = [Key("Patient", id)]
        await keep(store, f"Patient/{id}", owners=owner, labels=labels, author=author, tokens=code("x"))
        await keep(
            store,
            f"Observation/{id}",
            owners=owner,
            labels=labels,
            author=author,
            tokens=code("x"),
            references=to("subject", f"Patient/{id}"),
        )


async def test_restrictions_do_not_share_statements(store: SqliteStore):
    await two_patients(store)
    for _ in range(2):
        for restriction, expected in RESTRICTIONS:
            assert await found(store, X, restriction) == expected, restriction


async def test_restrictions_do_not_share_the_statements_of_includes(store: SqliteStore):
    await two_patients(store)
    every = (await page(store)).versions
    for _ in range(2):
        for restriction, expected in RESTRICTIONS:
            added = await store.include(every, SUBJECT, restriction=restriction, limit=9)
            assert " ".join(each.key.id for each in added) == expected, restriction


async def test_criteria_of_a_restriction_are_read_each_time(store: SqliteStore, compiled: Compiled):
    await two_patients(store)
    criteria = AllOf((Matches("Observation", (("code", "x"),)),))
    assert await found(store, X, criteria) == await found(store, X, criteria) == "1 2"
    assert compiled.times == 2
    assert has_criteria(AnyOf((ALL, Unless(criteria))))
    assert not has_criteria(AnyOf((ALL, Unless(HasLabel(*RED)))))


async def test_several_criteria_of_one_restriction_are_not_taken_for_each_other(store: SqliteStore):
    for value in "abcdef":
        await keep(store, f"Observation/{value}", tokens=code(value))
    each = tuple(Matches("Observation", (("code", value),)) for value in "abcdef")
    assert await found(store, Not(Token("code", None, "never")), AnyOf(each)) == "a b c d e f"
    assert await found(store, Not(Token("code", None, "never")), AllOf(tuple(map(Unless, each[1:])))) == "a"


async def test_includes_are_kept_and_see_what_was_written_since(store: SqliteStore):
    await two_patients(store)
    back = Include("Observation", ("subject",), reverse=True)
    patients = await store.search(Query((Target("Patient"),)), restriction=ALL)

    async def ids() -> str:
        return " ".join(each.key.id for each in await store.include(patients.versions, back, restriction=ALL, limit=9))

    with patch.object(reading, "compile_include", side_effect=reading.compile_include) as compiles:
        assert await ids() == "1 2"
        await keep(store, "Observation/3", references=to("subject", "Patient/2"))
        assert await ids() == "1 2 3"
    assert compiles.call_count == 1


async def test_an_include_on_a_later_page_hides_what_has_become_forbidden(store: SqliteStore):
    """The compartment was unknown on the first page, and the walk goes on as of the same position."""
    await keep(store, "Patient/1")
    await keep(store, "Observation/1", tokens=code("x"), references=to("subject", "Patient/1"))
    allowed = Unless(InCompartment("Patient", "vip"))
    first = await page(store, X, allowed)

    async def included() -> list[str]:
        added = await store.include(first.versions, SUBJECT, restriction=allowed, position=first.position, limit=9)
        return [each.key.id for each in added]

    assert await included() == ["1"]
    await keep(store, "Patient/1", 2, owners=[Key("Patient", "vip")])
    assert await included() == []


async def test_later_pages_and_fixed_positions_are_not_kept(store: SqliteStore, compiled: Compiled):
    await two_patients(store)
    first = await page(store, count=1)
    for _ in range(2):
        query = Query((Target("Observation", X),), 1, first.next or 0, first.position)
        assert [each.key.id for each in (await store.search(query, restriction=ALL)).versions] == ["2"]
    assert compiled.times == 3
    assert key_of(query, ALL) is None


def test_everything_asked_for_is_in_the_key() -> None:
    query = Query((Target("Observation", X),), 9)
    others = [Query((Target("Patient", X),), 9), Query((Target("Observation"),), 9), Query(query.targets, 8)]
    keys = [key_of(each, ALL) for each in (query, *others)] + [key_of(query, WrittenBy("ben"))]
    assert len(set(keys)) == len(keys)


async def test_what_is_kept_does_not_grow_without_end(store: SqliteStore):
    kept = Plans(store._dictionary)
    for number in range(MOST + 1):
        kept.keep(number, Statement("SELECT 1"), store._dictionary.changed, None)
    assert kept.get(0, 1) is None
    assert kept.get(MOST, 1) == Statement("SELECT 1")
    kept.keep("now", Statement("SELECT 2"), store._dictionary.changed, 7)
    assert (kept.get("now", 7), kept.get("now", 8)) == (Statement("SELECT 2"), None)


def test_placeholders_of_position_rows_and_limit_are_replaced_and_nothing_else() -> None:
    assert at(Statement("s", (POSITION, 1, POSITION)), 5).arguments == (5, 1, 5)
    assert step(Statement("s", (ROWS, LIMIT, "x", POSITION)), 5, [1, 2], 9).arguments == ("[1,2]", 9, "x", 5)


async def test_what_is_not_counted_quickly_is_many(store: SqliteStore):
    names = dictionary.Names(store._dictionary, store._readers.connection, lambda sql, arguments: None)
    assert names.estimate(Statement("SELECT 1"), 64) == 64
    assert names.first(Statement("SELECT 1"), 3) is None
    store._readers.renew()
    assert store._names.first(Statement("SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9"), 2) == [7, 8]
