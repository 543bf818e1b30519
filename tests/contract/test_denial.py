"""What a restriction does not allow does not exist: over every method that shows versions, also in transactions."""

from __future__ import annotations

import inspect

import pytest

from fhir_server.search.query import And, Id, Or, Query, Target, Token
from fhir_server.search.query import Not as Without
from fhir_server.store.base import Key, Scope, Snapshot, Store
from profiles.restriction import (
    ALL,
    ATTACHMENTS,
    RELATIONS,
    RULES,
    About,
    AnyOf,
    Attached,
    Consented,
    HasLabel,
    InCompartment,
    Matches,
    Not,
    OfTypes,
    Related,
    Restriction,
    WrittenBy,
)
from tests.fakes.denial import ASKED, OPEN, OTHERWISE, RECORDS, REFUSALS, linked
from tests.fakes.versions import RED, coded, delete, new, put, update

ONE = Key("Patient", "1")
WAYS = {**ASKED, **OTHERWISE}

ALLOWING: dict[str, Restriction] = {
    "all": ALL,
    "its compartment": InCompartment("Patient", "1"),
    "its label": HasLabel(*RED),
    "its author": WrittenBy("alice"),
    "its criteria": Matches("Patient", (("code", "a"),)),
    "not another label": Not(HasLabel("x", "y")),
    "its kind": OfTypes(("Observation", "Patient")),
    "about it": About("1"),
    "an open relation": Related("doctor", OPEN),
    "a relation that begins": Related("future", OPEN + 1),
    "a relation that is about to end": Related("past", OPEN - 1),
    "not refused to this one": Consented(("Practitioner/other",), "TREAT", OPEN, ("Practitioner/other",)),
    "refused, with an exception": Consented(("Practitioner/refused",), "BTG", OPEN, ("Practitioner/refused",)),
    "refused, with an exception for who is vouched for": Consented(
        ("Organization/shut",), "TREAT", OPEN, ("x", "Organization/open")
    ),
    "attached to what is allowed": Attached(WrittenBy("alice")),
    "attached to what meets criteria": Attached(Matches("Patient", (("code", "a"),))),
}


async def patient(store: Store) -> None:
    async def work(tx):
        await decide(tx)
        await tx.put(new(ONE, 1, owners=[ONE], labels=[RED]), linked(ONE))
        await tx.put_chunk(ONE, 1, b"raw")

    await store.write(work)


async def decide(tx):
    for (table, key), (value, expires) in RECORDS.items():
        await tx.records.put(table, key, value, expires=expires)


def test_every_method_of_a_snapshot_is_asked():
    takes = {
        name
        for name, method in inspect.getmembers(Snapshot, inspect.isfunction)
        if not name.startswith("_") and "restriction" in inspect.signature(method).parameters
    }
    assert takes == {*ASKED, "explain"}
    public = {name for name in vars(Snapshot) if not name.startswith("_")}
    # What a code means is nobody's data.
    assert public - takes == {"records", "concepts"}


def test_no_restriction_has_a_default():
    for name in (*ASKED, "explain"):
        parameter = inspect.signature(getattr(Snapshot, name)).parameters["restriction"]
        assert parameter.default is inspect.Parameter.empty
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", WAYS)
async def test_what_is_refused_is_not_there(store: Store, name: str):
    await patient(store)
    for restriction in REFUSALS.values():
        assert not await WAYS[name](store, ONE, restriction)
    for restriction in ALLOWING.values():
        assert await WAYS[name](store, ONE, restriction)


@pytest.mark.parametrize("name", WAYS)
async def test_what_is_refused_is_not_there_inside_the_transaction_that_puts_it(store: Store, name: str):
    async def work(tx):
        await decide(tx)
        await tx.put(new(ONE, 1, owners=[ONE], labels=[RED]), linked(ONE))
        await tx.put_chunk(ONE, 1, b"raw")
        for restriction in REFUSALS.values():
            assert not await WAYS[name](tx, ONE, restriction)
        for restriction in ALLOWING.values():
            assert await WAYS[name](tx, ONE, restriction)

    await store.write(work)


@pytest.mark.parametrize("name", WAYS)
async def test_denying_one_resource_leaves_the_others(store: Store, name: str):
    other = Key("Patient", "2")
    await patient(store)

    async def work(tx):
        await tx.put(new(other, 1, owners=[other], labels=[("a", "b")]), linked(other))
        await tx.put_chunk(other, 1, b"raw")

    await store.write(work)
    not_one = Not(InCompartment("Patient", "1"))
    assert await WAYS[name](store, other, not_one)
    if name in ("read", "read_many", "vread", "owners", "subjects", "labels", "chunks", "content_length"):
        assert not await WAYS[name](store, ONE, not_one)
    if name in ("search", "matches", "history", "of a type", "of everything", "include", "include what refers here"):
        assert [each.key for each in await WAYS[name](store, other, not_one)] == [other]
    if name == "count":
        assert await WAYS[name](store, ONE, not_one) == 1


@pytest.mark.parametrize("restriction", [*REFUSALS.values(), *ALLOWING.values()], ids=[*REFUSALS, *ALLOWING])
async def test_an_explanation_tells_no_value_and_shows_no_match(store: Store, restriction: Restriction):
    await patient(store)
    secret = "what-was-asked-for"
    asked = And((Or((Token("code", None, "a"), Token("code", secret, secret))), Without(Id((secret,)))))
    query = Query((Target("Patient", asked), Target("Patient", Token("code", "https://example.org/codes", "a"))))
    explained = await store.explain(query, restriction=restriction)
    if restriction in REFUSALS.values():
        assert not explained.get("matches_on_page")
    for value in (secret, "https://example.org/codes", *RED, "blue", "mallory", "alice", "somebody-else", '"n":1'):
        assert value not in str(explained)


async def test_a_tombstone_is_as_restricted_as_what_it_ended(store: Store):
    await patient(store)
    await delete(store, ONE)
    tombstone = await store.read(ONE, restriction=InCompartment("Patient", "1"))
    assert tombstone is not None
    assert tombstone.deleted
    assert await store.owners(ONE, 2, restriction=HasLabel(*RED)) == [ONE]
    assert await store.labels(ONE, 2, restriction=ALL) == [RED]
    for restriction in REFUSALS.values():
        assert await store.read(ONE, restriction=restriction) is None
        assert await store.vread(ONE, 2, restriction=restriction) is None
        assert await store.owners(ONE, 2, restriction=restriction) == []


@pytest.mark.parametrize(
    "restriction", [Matches("Patient", (("code", "a"),)), Not(Matches("Patient", (("code", "z"),)))]
)
async def test_criteria_neither_allow_nor_their_negation_what_has_no_index_rows(store: Store, restriction: Restriction):
    await patient(store)
    await delete(store, ONE)
    assert await store.read(ONE, restriction=restriction) is None
    assert await store.vread(ONE, 2, restriction=restriction) is None


async def test_a_page_walk_stops_showing_what_is_no_longer_permitted(store: Store):
    await patient(store)
    position = await store.position()
    await put(store, new(ONE, 2, owners=[ONE], labels=[("secret", "now")]), coded("a"))
    as_of = Query((Target("Patient"),), position=position)
    assert [v.number for v in (await store.search(as_of, restriction=ALL)).versions] == [1]
    assert (await store.search(as_of, restriction=HasLabel(*RED))).versions == []
    await update(store, ONE)


async def test_who_only_plays_a_part_is_an_owner_and_no_subject(store: Store):
    seen = Key("Observation", "1")
    other = Key("Patient", "2")
    await put(store, new(seen, 1, owners=[ONE, other], subjects=[ONE]), coded("a"))
    assert await store.owners(seen, 1, restriction=ALL) == [ONE, other]
    assert await store.subjects(seen, 1, restriction=ALL) == [ONE]
    assert await store.read(seen, restriction=About("1"))
    assert await store.read(seen, restriction=About("2")) is None
    assert await store.read(seen, restriction=InCompartment("Patient", "2"))


async def test_an_old_version_is_shown_only_while_the_current_one_is_allowed(store: Store):
    seen, other = Key("Observation", "1"), Key("Patient", "2")
    await put(store, new(seen, 1, owners=[ONE]), coded("a"))
    await put(store, new(seen, 2, owners=[other]), coded("a"))
    for patient in ("1", "2"):
        assert await store.vread(seen, 1, restriction=About(patient)) is None
        assert await store.owners(seen, 1, restriction=About(patient)) == []
    assert (await store.history(Scope("Observation", "1"), restriction=About("1"))).versions == []
    shown = (await store.history(Scope("Observation"), restriction=About("2"))).versions
    assert [version.number for version in shown] == [2]
    await put(store, new(seen, 3, owners=[ONE]), coded("a"))
    shown = (await store.history(Scope("Observation", "1"), restriction=About("1"))).versions
    assert [version.number for version in shown] == [3, 1]


async def test_indexing_anew_tells_whom_a_version_is_about(store: Store):
    await put(store, new(ONE, 1, owners=[ONE], subjects=[]), coded("a"))
    assert await store.read(ONE, restriction=About("1")) is None
    await store.write(lambda tx: tx.reindex(ONE, 1, coded("a"), [ONE]))
    assert await store.read(ONE, restriction=About("1"))
    await store.write(lambda tx: tx.reindex(ONE, 1, coded("a")))
    assert await store.read(ONE, restriction=About("1")) is None


async def test_a_relation_and_a_refusal_count_from_the_commit_that_makes_them(store: Store):
    await put(store, new(ONE, 1, owners=[ONE]), coded("a"))
    who = ("Practitioner/doctor",)
    related, agreed = Related("doctor", OPEN), Consented(who, "TREAT", OPEN, who)
    assert await store.read(ONE, restriction=related) is None
    assert await store.read(ONE, restriction=agreed)

    async def open_and_refuse(tx):
        await tx.records.put(RELATIONS, "r", {"pair": "doctor/1"})
        await tx.records.put(RULES, "c", {"patient": "1"})
        assert await tx.read(ONE, restriction=related)
        assert await tx.read(ONE, restriction=agreed) is None

    await store.write(open_and_refuse)
    assert len(await ASKED["search"](store, ONE, related)) == 1
    assert await ASKED["search"](store, ONE, agreed) == []

    async def close(tx):
        await tx.records.delete(RELATIONS, "r")
        await tx.records.delete(RULES, "c")

    await store.write(close)
    assert await ASKED["search"](store, ONE, related) == []
    assert len(await ASKED["search"](store, ONE, agreed)) == 1


BINARY, NAMING, CONTEXT = Key("Binary", "1"), Key("DocumentReference", "1"), Key("Encounter", "1")


async def attach(store: Store, *holders: tuple[Key, int]) -> None:
    """Put a Binary and what names it, each by an author of its own; `holders` are those the records know of."""

    async def work(tx):
        await tx.put(new(BINARY, 1, author="writer"), coded("a"))
        await tx.put(new(NAMING, 1, author="namer"), coded("a"))
        await tx.put(new(CONTEXT, 1, author="guard"), coded("a"))
        for number, (holder, context) in enumerate(holders):
            value = {"binary": "Binary/1", "holder": f"{holder.type}/{holder.id}", "context": context}
            await tx.records.put(ATTACHMENTS, str(number), value)

    await store.write(work)


def by(*authors: str) -> Restriction:
    return Attached(AnyOf(tuple(map(WrittenBy, authors))))


async def test_a_binary_is_shown_where_one_of_what_names_it_is_and_its_context(store: Store):
    await attach(store, (NAMING, 0), (Key("Media", "never"), 0), (CONTEXT, 1))
    assert await store.read(BINARY, restriction=by("namer", "guard"))
    assert await store.read(BINARY, restriction=by("namer")) is None
    assert await store.read(BINARY, restriction=by("guard")) is None
    await delete(store, NAMING)
    assert await store.read(BINARY, restriction=by("namer", "guard")) is None


async def test_a_binary_that_nothing_names_is_shown_where_its_context_is_and_what_is_nowhere_everywhere(store: Store):
    await attach(store, (CONTEXT, 1))
    assert await store.read(BINARY, restriction=by("guard"))
    assert await store.read(BINARY, restriction=by("namer")) is None
    assert await store.read(NAMING, restriction=by())


async def test_a_version_gets_its_owners_afterwards_and_loses_them_again(store: Store):
    await attach(store)
    await store.write(lambda tx: tx.own(BINARY, 1, [ONE, Key("Patient", "2")]))
    found = await store.vread(BINARY, 1, restriction=About("1"))
    assert found is not None
    assert found.patients == ("1", "2")
    assert await store.owners(BINARY, 1, restriction=ALL) == [ONE, Key("Patient", "2")]
    assert await store.subjects(BINARY, 1, restriction=ALL) == [ONE, Key("Patient", "2")]

    async def refused(tx):
        assert await tx.own(BINARY, 1, [])
        assert not await tx.own(BINARY, 2, [ONE])
        assert not await tx.own(Key("Binary", "never"), 1, [ONE])
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(refused)
    assert await store.read(BINARY, restriction=About("2"))
    await store.write(lambda tx: tx.own(BINARY, 1, [Key("Patient", "2")]))
    assert await store.read(BINARY, restriction=About("1")) is None
    assert await store.subjects(BINARY, 1, restriction=ALL) == [Key("Patient", "2")]


async def test_a_version_gets_its_owners_in_the_transaction_that_puts_it(store: Store):
    async def work(tx):
        await tx.put(new(BINARY, 1, owners=[Key("Patient", "2")]), coded("a"))
        await tx.own(BINARY, 1, [ONE])
        assert await tx.read(BINARY, restriction=About("1"))

    await store.write(work)
    assert await store.read(BINARY, restriction=About("1"))
    assert await store.read(BINARY, restriction=About("2")) is None
