"""Statements that are kept: reused as of any later position, and never for anything but what they were compiled for."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from fhir_server.search.query import And, Chain, Include, Node, Not, Or, Present, Query, Reference, Target, Token
from fhir_server.store.base import Key, Page
from fhir_server.store.sql import compile_hop
from fhir_server.store.sql.dialect import Statement
from fhir_server.store.sqlite import dictionary, plans, reading
from fhir_server.store.sqlite.dictionary import KEPT, Recent
from fhir_server.store.sqlite.plans import (
    LARGEST,
    LIMIT,
    MOST,
    POSITION,
    ROWS,
    UNWRITTEN,
    Noting,
    Plans,
    Template,
    filled,
    has_criteria,
    template,
)
from fhir_server.store.sqlite.shape import Number, Value, shape
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import (
    ALL,
    About,
    AllOf,
    AnyOf,
    Attached,
    Consented,
    HasLabel,
    InCompartment,
    Matches,
    Related,
    Restriction,
    WrittenBy,
)
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
    await keep(store, "Observation/1", tokens=code("x"), references=to("subject", "Patient/1"))
    # Both can be started from, so it is counted which has fewer rows.
    both = And((X, Reference("subject", "Patient", "1")))
    for later, times in ((0, 1), (KEPT - 1, 1), (2, 1), (UNWRITTEN - KEPT, 2)):
        seconds[0] += later
        assert await found(store, both) == "1"
        assert compiled.times == times
    await keep(store, "Observation/2", tokens=code("y"))
    for later, times in ((KEPT - 1, 2), (2, 3)):
        seconds[0] += later
        assert await found(store, both) == "1"
        assert compiled.times == times


async def test_other_values_of_the_same_shape_find_their_own(store: SqliteStore, compiled: Compiled):
    for patient in "12":
        owner = [Key("Patient", patient)]
        for value in "xy":
            name = f"Observation/{patient}{value}"
            await keep(store, name, owners=owner, tokens=code(value), references=to("subject", f"Patient/{patient}"))

    def asked(patient: str, value: str) -> Node:
        return And((Reference("subject", "Patient", patient), Token("code", None, value)))

    for limit in (ALL, AnyOf((InCompartment("Patient", "1"), InCompartment("Patient", "2")))):
        for patient in "12":
            for value in "xy":
                assert await found(store, asked(patient, value), limit) == f"{patient}{value}"
    for patient, own in (("1", "1x"), ("2", "")):
        assert await found(store, asked("1", "x"), InCompartment("Patient", patient)) == own
    twice = And((Reference("subject", "Patient", "1"), Reference("subject", "Patient", "1"), X))
    other = And((Reference("subject", "Patient", "1"), Reference("subject", "Patient", "2"), X))
    assert [await found(store, twice), await found(store, other)] == ["1x", ""]


async def test_what_restrictions_say_of_their_caller_are_values(store: SqliteStore, compiled: Compiled):
    await two_patients(store)
    shapes = (
        lambda each: WrittenBy("alice" if each == "1" else "ben"),
        lambda each: InCompartment("Patient", each),
        lambda each: Unless(About(each)),
        lambda each: Unless(Related(f"Practitioner/{each}", int(each))),
        lambda each: AllOf((Consented(("Practitioner/1",), "TREAT", int(each), ()), InCompartment("Patient", each))),
        lambda each: AllOf((Attached(About(each)), InCompartment("Patient", each))),
    )
    for number, restriction in enumerate(shapes, 1):
        before = compiled.times
        for _ in range(2):
            expected = {3: ["2", "1"], 4: ["1 2", "1 2"]}.get(number, ["1", "2"])
            assert [await found(store, X, restriction(each)) for each in "12"] == expected
        # Whether to start from a compartment or from the code is decided by counting both, so for each value apart.
        assert compiled.times - before == (2 if number in (2, 5, 6) else 1)


async def test_equal_values_are_not_taken_for_one(store: SqliteStore):
    await two_patients(store)

    def every(one: str, other: str) -> Restriction:
        return AllOf((InCompartment("Patient", one), InCompartment("Patient", other)))

    assert [await found(store, X, every(*pair)) for pair in ("11", "12", "22")] == ["1", "", "2"]
    either = [AnyOf((InCompartment("Patient", one), InCompartment("Patient", other))) for one, other in ("11", "12")]
    assert [await found(store, X, each) for each in either] == ["1", "1 2"]


async def test_the_author_of_a_restriction_is_a_value(store: SqliteStore, compiled: Compiled):
    await two_patients(store)
    for author, expected in (("alice", "1"), ("ben", "2"), ("nobody", "")):
        assert await found(store, X, Unless(Unless(WrittenBy(author)))) == expected
    assert compiled.times == 1


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


async def test_everything_but_values_is_in_the_key(store: SqliteStore):
    query = Query((Target("Observation", X),), 9)
    others = [Query((Target("Patient", X),), 9), Query((Target("Observation"),), 9), Query(query.targets, 8)]
    asked = [(each, ALL) for each in (query, *others)] + [(query, restriction) for restriction, _ in RESTRICTIONS[4:6]]
    keys = [shape(each, *store._shaped(restriction)[:2], store._names).key for each, restriction in asked]
    assert len(set(keys)) == len(keys)


async def test_what_is_kept_does_not_grow_without_end(store: SqliteStore):
    kept, changed, noted = Plans(store._dictionary), store._dictionary.changed, Noting(store._names, 7)
    one, two = Template("SELECT 1", (), ()), Template("SELECT 2", (), ())
    for number in range(MOST + 1):
        kept.keep(number, (), one, noted, changed=changed, newest=7)
    assert kept.get(0, (), 1) is None
    assert kept.get(MOST, (), 1) == one
    kept.keep("long", (), Template("SELECT ?", ("x" * LARGEST,), ()), noted, changed=changed, newest=7)
    assert kept.get("long", (), 7) is None
    noted.missed = True
    kept.keep("now", (), two, noted, changed=changed, newest=7)
    assert (kept.get("now", (), 7), kept.get("now", (), 8)) == (two, None)


async def test_a_large_statement_is_compiled_each_time(store: SqliteStore, compiled: Compiled):
    await keep(store, "Observation/1", tokens=code("x"))
    many = Or((X, *(Token("code", None, str(number)) for number in range(100))))
    for times in (1, 2):
        assert await found(store, many) == "1"
        assert compiled.times == times


async def test_what_was_decided_by_counts_is_for_its_values_alone(store: SqliteStore):
    kept, one, noted = Plans(store._dictionary), Template("SELECT 1", (), ()), Noting(store._names, 1)
    noted.counted = True
    kept.keep("shape", [5], one, noted, changed=store._dictionary.changed, newest=1)
    assert (kept.get("shape", [5], 1), kept.get("shape", [6], 1)) == (one, None)


async def test_what_was_decided_by_how_much_there_is_holds_for_all_values_for_a_while(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
):
    kept, one, noted = Plans(store._dictionary), Template("SELECT 1", (), ()), Noting(store._names, 1)
    assert not noted.is_large("Patient")
    kept.keep("shape", [5], one, noted, changed=store._dictionary.changed, newest=1)
    assert kept.get("shape", [6], 2) == one
    now = plans.monotonic()
    monkeypatch.setattr(plans, "monotonic", lambda: now + KEPT + 1)
    assert (kept.get("shape", [6], 1), kept.get("shape", [6], 2)) == (one, None)
    monkeypatch.setattr(plans, "monotonic", lambda: now + UNWRITTEN + 1)
    assert kept.get("shape", [6], 1) is None


def test_gaps_are_filled_and_nothing_else() -> None:
    statement = Statement("s", (POSITION, 1, ROWS, LIMIT, "x", Number.of(1, 1), Value.of("x", 0), POSITION))
    assert filled(template(statement), ["y", 7], 5, [1, 2], 9).arguments == (5, 1, "[1,2]", 9, "x", 7, "y", 5)


async def test_what_is_not_counted_quickly_is_many(store: SqliteStore):
    names = dictionary.Names(store._dictionary, store._readers.connection, lambda sql, arguments: None)
    assert names.estimate(Statement("SELECT 1"), 64) == 64
    assert names.first(Statement("SELECT 1"), 3) is None
    store._readers.renew()
    assert store._names.first(Statement("SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9"), 2) == [7, 8]
