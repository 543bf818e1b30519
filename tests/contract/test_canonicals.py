"""Canonical URLs lead to resources in every store: as of a position, and under the restriction of the search."""

from __future__ import annotations

from fhir_server.search.query import Canonical, Chain, Has, Include, Node, Present, Query, Target, Together, Token
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, Store, Version
from profiles.restriction import ALL, HasLabel, Not, Restriction
from tests.fakes.versions import RED, new, put

BY = Canonical("Questionnaire", "url", "version")
INCLUDE = Include("QuestionnaireResponse", ("questionnaire",), canonicals=(BY,))
REVERSE = Include("QuestionnaireResponse", ("questionnaire",), reverse=True, canonicals=(BY,))
NOT_RED = Not(HasLabel(*RED))


async def questionnaire(store: Store, id: str, version: str, number: int = 1, *, red: bool = False) -> Version:
    entries = IndexEntries(tokens=[("version", "", version, 0)], uris=[("url", "http://q", "", 0)])
    return await put(store, new(Key("Questionnaire", id), number, labels=[RED] if red else []), entries)


async def answers(store: Store, id: str, canonical: tuple[str, str]) -> Version:
    entries = IndexEntries(uris=[("questionnaire", *canonical, 0)])
    return await put(store, new(Key("QuestionnaireResponse", id), 1), entries)


async def included(
    store: Store, type: str, id: str, step: Include, allowed: Restriction = ALL, position: int | None = None
) -> list[str]:
    page = await store.search(Query((Target(type),), position=position), restriction=allowed)
    some = [each for each in page.versions if each.key.id == id]
    found = await store.include(some, step, restriction=allowed, position=position, limit=10)
    return [each.key.id for each in found]


async def matching(store: Store, type: str, where: Node, allowed: Restriction = ALL) -> list[str]:
    page = await store.search(Query((Target(type, where),)), restriction=allowed)
    return [each.key.id for each in page.versions]


async def test_without_a_version_the_resource_updated_last_counts(store: Store) -> None:
    await questionnaire(store, "one", "1")
    await questionnaire(store, "two", "2")
    await answers(store, "any", ("http://q", ""))
    await answers(store, "first", ("http://q", "1"))
    at = await store.position()
    assert await included(store, "QuestionnaireResponse", "any", INCLUDE) == ["two"]
    assert await included(store, "QuestionnaireResponse", "first", INCLUDE) == ["one"]
    assert await included(store, "Questionnaire", "two", REVERSE) == ["any"]
    await questionnaire(store, "one", "1", 2)
    assert await included(store, "QuestionnaireResponse", "any", INCLUDE) == ["one"]
    assert await included(store, "QuestionnaireResponse", "any", INCLUDE, position=at) == ["two"]


async def test_of_those_that_may_be_seen(store: Store) -> None:
    await questionnaire(store, "one", "1")
    await questionnaire(store, "two", "2", red=True)
    await answers(store, "any", ("http://q", ""))
    await answers(store, "second", ("http://q", "2"))
    assert await included(store, "QuestionnaireResponse", "any", INCLUDE, NOT_RED) == ["one"]
    assert await included(store, "QuestionnaireResponse", "second", INCLUDE, NOT_RED) == []
    assert await included(store, "Questionnaire", "one", REVERSE, NOT_RED) == ["any"]
    second = Chain("questionnaire", "Questionnaire", Token("version", None, "2"), BY)
    assert await matching(store, "QuestionnaireResponse", second) == ["any", "second"]
    assert await matching(store, "QuestionnaireResponse", second, NOT_RED) == []
    answered = Has("QuestionnaireResponse", "questionnaire", Present("questionnaire"), BY)
    assert await matching(store, "Questionnaire", answered) == ["two"]
    assert await matching(store, "Questionnaire", answered, NOT_RED) == ["one"]


async def test_what_is_kept_by_patient_is_in_no_group_by_that(store: Store) -> None:
    entries = IndexEntries(
        tokens=[("code", "http://s", code, 0) for code in "abc"],
        dates=[("date", 0, 1, group) for group in (1, 2, 3)],
        by_patient=frozenset(("code",)),
    )
    await put(store, new(Key("Observation", "o"), 1, owners=[Key("Patient", "p")]), entries)
    together = Together(((Present("code"),), (Present("date"),)))
    assert await matching(store, "Observation", together) == []
