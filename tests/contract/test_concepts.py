"""The concept store: systems are loaded in slices, published at once, and answer by code, rule and word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.store.base import Store, Transaction
from fhir_server.store.concepts import Naming, NewConcept, UnknownLoad
from profiles.terminology.concept import Designation
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
from tests.fakes.concepts import HEAD, URL, load

ALL = ["animal", "mammal", "bird", "bat", "Dog", "dodo", "rock"]

RULES: list[tuple[Rule, list[str]]] = [
    (Whole(), ALL),
    (Codes(("rock", "animal", "dog")), ["animal", "rock"]),
    (Below("bird"), ["bird", "bat", "dodo"]),
    (Below("bird", itself=False), ["bat", "dodo"]),
    (Below("unicorn"), []),
    (Above("bat"), ["animal", "mammal", "bird", "bat"]),
    (Above("unicorn"), []),
    (Beside(("animal",), "children"), ["mammal", "bird"]),
    (Beside(("bat", "Dog"), "parents"), ["mammal", "bird"]),
    (Having("legs", ("2",)), ["bird", "bat"]),
    (Having("legs", ("2", "4")), ["mammal", "bird", "bat"]),
    (Having("display", ("Dog", "Bird")), ["bird", "Dog"]),
    (Having("wings", ("2",)), []),
    (Existing("group"), ["mammal", "bird"]),
    (Existing("parent"), ["mammal", "bird", "bat", "Dog", "dodo"]),
    (Existing("child"), ["animal", "mammal", "bird"]),
    (Existing("display"), ALL[:-1]),
    (Not(Existing("display")), ["rock"]),
    (Like("display", "B.*"), ["bird", "bat"]),
    (Like("code", "[a-z]{3}"), ["bat"]),
    (Like("group", "w.+m"), ["mammal", "bird"]),
    (Not(Like("display", ".*")), ["rock"]),
    (Active(), [each for each in ALL if each != "dodo"]),
    (Selectable(), ALL[1:]),
    (AnyOf((Codes(("rock",)), Below("mammal"))), ["mammal", "bat", "Dog", "rock"]),
    (AnyOf(()), []),
    (AllOf((Below("bird"), Active())), ["bird", "bat"]),
    (AllOf((Below("bird"), Not(Below("mammal")))), ["bird", "dodo"]),
    (Not(Below("mammal")), ["animal", "bird", "dodo", "rock"]),
]


async def codes(store: Store, selection: Selection, skip: int = 0, count: int = 100) -> list[str]:
    return [each.code for each in await store.concepts.slice(selection, skip, count)]


@pytest.mark.parametrize(("rule", "expected"), RULES, ids=lambda each: str(each)[:60])
async def test_a_rule_selects(store: Store, rule: Rule, expected: list[str]):
    key = (await load(store)).key
    selection = Selection(key, rule)
    assert await codes(store, selection) == expected
    assert await store.concepts.count(selection) == len(expected)
    assert await store.concepts.among(selection, [*ALL, "unicorn"]) == frozenset(expected)
    assert await codes(store, selection, 1, 1) == expected[1:2]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("chauve",), ["bat"]),
        (("souris", "ba"), ["bat"]),
        (("b",), ["bird", "bat"]),
        (("d",), ["Dog", "dodo"]),
        (("unicorn",), []),
    ],
)
async def test_each_word_begins_a_word_of_a_name_or_the_code(store: Store, words: tuple[str, ...], expected: list[str]):
    key = (await load(store)).key
    assert await codes(store, Selection(key, Whole(), words)) == expected
    assert await store.concepts.count(Selection(key, Whole(), words)) == len(expected)
    assert await codes(store, Selection(key, Active(), words)) == [each for each in expected if each != "dodo"]


async def test_what_is_said_of_a_concept(store: Store):
    key = (await load(store)).key
    found = await store.concepts.look(key, ["bat", "Dog", "dog", "unicorn"])
    assert list(found) == ["bat", "Dog"]
    assert found["Dog"].concept.designations == (Designation("Chien", "fr"), Designation("Hund", "de"))
    assert found["Dog"].concept.display_in("de") == "Hund"
    mammal = await store.concepts.detail(key, "mammal")
    assert mammal is not None
    assert mammal.entry.concept.definition == "Gives milk"
    assert mammal.properties == {"group": ("warm",), "legs": (4,)}
    assert (mammal.parents, mammal.children) == (("animal",), ("Dog", "bat"))
    assert await store.concepts.detail(key, "unicorn") is None
    dodo, animal = (await store.concepts.look(key, ["dodo", "animal"])).values()
    assert (dodo.inactive, dodo.abstract, animal.inactive, animal.abstract) == (True, False, False, True)


async def test_letter_case_matters_only_where_the_system_says_so(store: Store):
    key = (await load(store, Head(0, URL, "1", "Beasts"))).key
    found = await store.concepts.look(key, ["DOG", "Dog"])
    assert {asked: each.code for asked, each in found.items()} == {"DOG": "Dog", "Dog": "Dog"}
    detail = await store.concepts.detail(key, "dOG")
    assert detail is not None
    assert detail.entry.code == "Dog"
    assert await store.concepts.among(Selection(key), ["DOG", "Dog"]) == {"Dog"}


async def test_a_published_system_says_what_it_has(store: Store):
    head = await load(store)
    assert (head.url, head.version, head.count, head.hierarchical) == (URL, "1", 7, True)
    assert head.properties == {"legs": "integer", "group": "code", "extinct": "boolean"}
    assert store.concepts.heads() == [head]
    flat = await load(store, Head(0, "http://example.org/flat", None, "Flat"), [NewConcept("a")], ())
    assert not flat.hierarchical
    assert store.concepts.heads() == [head, flat]


async def test_versions_stand_side_by_side_and_a_load_replaces_its_own(store: Store):
    one = await load(store)
    two = await load(store, Head(0, URL, "2", "Beasts"), [NewConcept("newt")], ())
    assert [each.version for each in store.concepts.heads()] == ["1", "2"]
    before = store.concepts.revision()
    again = await load(store, concepts=[NewConcept("cat")], edges=())
    assert store.concepts.revision() != before
    assert store.concepts.heads() == [two, again]
    assert await codes(store, Selection(again.key)) == ["cat"]
    assert await codes(store, Selection(one.key)) == []
    assert await store.concepts.look(one.key, ["bat"]) == {}
    assert await store.concepts.detail(one.key, "bat") is None
    assert await store.concepts.count(Selection(one.key, Below("bird"))) == 0


async def test_nothing_is_seen_of_a_load_before_it_is_published(store: Store):
    one = await load(store)
    key = await store.write(lambda tx: tx.concepts.begin(Head(0, URL, "1", "Beasts")))
    await store.write(lambda tx: tx.concepts.add(key, [NewConcept("cat")]))
    assert store.concepts.heads() == [one]
    assert await codes(store, Selection(key)) == []
    await store.write(lambda tx: tx.concepts.give_up(key))
    with pytest.raises(UnknownLoad):
        await store.write(lambda tx: tx.concepts.add(key, [NewConcept("dog")]))
    with pytest.raises(UnknownLoad):
        await store.write(lambda tx: tx.concepts.publish(one.key))
    await store.sweep()
    assert store.concepts.heads() == [one]
    assert await codes(store, Selection(one.key)) == ALL


async def test_a_slice_that_fails_leaves_the_load_as_it_was(store: Store):
    key = await store.write(lambda tx: tx.concepts.begin(Head(0, URL, "1", "Beasts")))
    await store.write(lambda tx: tx.concepts.add(key, [NewConcept("cat"), NewConcept("pet")]))

    async def fails(tx):
        await tx.concepts.add(key, [NewConcept("dog")])
        await tx.concepts.relate(key, [("cat", "pet")])
        await tx.concepts.publish(key)
        raise ValueError

    with pytest.raises(ValueError):
        await store.write(fails)
    assert store.concepts.heads() == []
    head = await store.write(lambda tx: tx.concepts.publish(key))
    assert (head.count, head.hierarchical) == (2, False)
    assert await codes(store, Selection(key)) == ["cat", "pet"]


async def test_what_does_not_fit_is_told(store: Store):
    key = await store.write(lambda tx: tx.concepts.begin(Head(0, URL, "1", "Beasts")))
    first, second = NewConcept("cat", "Cat"), NewConcept("cat", "Another")
    assert await store.write(lambda tx: tx.concepts.add(key, [first, second])) == ["cat"]
    assert await store.write(lambda tx: tx.concepts.add(key, [second, NewConcept("dog")])) == ["cat"]
    named = [Naming("cat", [Designation("Chat", "fr")]), Naming("cow"), Naming("dog", display="Dog")]
    assert await store.write(lambda tx: tx.concepts.name(key, named)) == ["cow"]
    stated = [("cat", "legs", "integer", "4"), ("cow", "legs", "integer", "4")]
    assert await store.write(lambda tx: tx.concepts.qualify(key, stated)) == ["cow"]
    assert await store.write(lambda tx: tx.concepts.relate(key, [("cat", "dog"), ("cat", "cow")])) == [("cat", "cow")]
    await store.write(lambda tx: tx.concepts.settle(key, 0, 10))
    await store.write(lambda tx: tx.concepts.publish(key))
    cat = await store.concepts.detail(key, "cat")
    assert cat is not None
    assert (cat.entry.concept.display, cat.entry.concept.designations) == ("Cat", (Designation("Chat", "fr"),))
    assert (cat.properties, cat.parents) == ({"legs": (4,)}, ("dog",))
    assert (await store.concepts.look(key, ["dog"]))["dog"].concept.display == "Dog"


async def test_systems_are_removed_by_version_or_all(store: Store):
    for version in ("1", "2", None):
        await load(store, Head(0, URL, version, "Beasts"))
    other = await load(store, Head(0, "http://example.org/other", "1", "Others"))
    assert await store.write(lambda tx: tx.concepts.remove(URL, "3")) == 0
    assert await store.write(lambda tx: tx.concepts.remove(URL, "2")) == 1
    assert [each.version for each in store.concepts.heads()] == ["1", None, "1"]
    assert await store.write(lambda tx: tx.concepts.remove(URL, None)) == 2
    assert store.concepts.heads() == [other]
    await store.sweep()
    assert await codes(store, Selection(other.key, Below("bird"))) == ["bird", "bat", "dodo"]
    assert await codes(store, Selection(other.key, Whole(), ("chauve",))) == ["bat"]


async def test_a_circle_in_the_hierarchy_does_no_harm(store: Store):
    head = await load(store, concepts=[NewConcept(each) for each in "abc"], edges=[("a", "b"), ("b", "a"), ("c", "a")])
    assert await codes(store, Selection(head.key, Below("a"))) == ["a", "b", "c"]
    assert await codes(store, Selection(head.key, Above("a"))) == ["a", "b"]


async def test_the_index_of_a_resource_comes_and_goes_with_it_alone(store: Store):
    loaded = await load(store)
    one = await load(store, replace(HEAD, source="CodeSystem/a", number=1))
    other = await load(store, replace(HEAD, source="CodeSystem/b", number=1))
    two = await load(store, replace(HEAD, url="http://example.org/moved", source="CodeSystem/a", number=2))
    assert {head.key for head in store.concepts.heads()} == {loaded.key, other.key, two.key}
    assert one.key not in {head.key for head in store.concepts.heads()}
    assert (two.source, two.number) == ("CodeSystem/a", 2)
    before = store.concepts.revision()

    async def withdraw(tx: Transaction) -> tuple[int, int, int]:
        unloaded = await tx.concepts.remove(URL, None)
        return unloaded, await tx.concepts.withdraw("CodeSystem/a"), await tx.concepts.withdraw("")

    assert await store.write(withdraw) == (1, 1, 0)
    assert store.concepts.heads() == [other]
    assert store.concepts.revision() != before
