"""Counting: each match that is shown, once, however the number is come by."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from fhir_server.search.query import EVERYTHING, And, Node, Not, Or, Query, Sort, Target, Token
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, Store
from fhir_server.store.sql import compile_count
from profiles.restriction import ALL, AllOf, HasLabel, InCompartment, Restriction
from profiles.restriction import Not as Refused
from tests.fakes.versions import RED, delete, new, put

CODES = "https://example.org/codes"
WARD = "https://example.org/ward"
NO_RED = Refused(HasLabel(*RED))
OWNER = Key("Patient", "owner")


@pytest.fixture(params=[True, False], ids=["apart", "each"], autouse=True)
def hidden_apart(request: pytest.FixtureRequest) -> Iterator[None]:
    """What is hidden is counted apart, or looked for at each match, whatever is quicker."""
    with patch.object(compile_count, "is_worthwhile", lambda *_: request.param):
        yield


def tokens(*found: tuple[str, str]) -> IndexEntries:
    return IndexEntries(tokens=[("code", system, code, group) for group, (system, code) in enumerate(found)])


async def write(store: Store, id: str, number: int, entries: IndexEntries, *, red: bool = False) -> None:
    labels = [RED] if red else []
    await put(store, new(Key("Patient", id), number, owners=[OWNER] if id == "owned" else [], labels=labels), entries)


async def filled(store: Store) -> None:
    """Ten Patients: what they have been, are, and are not any more."""
    one, twice = tokens((CODES, "a")), tokens((CODES, "a"), (CODES, "a"), (WARD, "a"))
    for id in ("plain", "owned", "changed", "gone"):
        await write(store, id, 1, one)
    for id in ("twice", "red-twice", "changed-twice"):
        await write(store, id, 1, twice, red=id.startswith("red"))
    await write(store, "red", 1, one, red=True)
    await write(store, "was-red", 1, one, red=True)
    await write(store, "other", 1, tokens((CODES, "b")))
    await write(store, "changed", 2, tokens((CODES, "b")))
    await write(store, "changed-twice", 2, twice)
    await write(store, "was-red", 2, one)
    await delete(store, Key("Patient", "gone"))


A = Token("code", CODES, "a")


@pytest.mark.parametrize(
    ("where", "restriction", "expected"),
    [
        # plain, owned, twice, red-twice, changed-twice, red, was-red
        (A, ALL, 7),
        (A, NO_RED, 5),
        (A, AllOf((NO_RED, Refused(HasLabel("", "none")))), 5),
        (A, InCompartment("Patient", "owner"), 1),
        # of any system: those with the code of the ward have the other as well
        (Token("code", None, "a"), ALL, 7),
        (Token("code", None, "a"), NO_RED, 5),
        (Token("code", WARD, "a"), NO_RED, 2),
        (Or((A, Token("code", CODES, "b"))), NO_RED, 7),
        (And((A, Not(Token("code", WARD, "a")))), NO_RED, 3),
        (Not(A), NO_RED, 2),
        (EVERYTHING, NO_RED, 7),
        (EVERYTHING, ALL, 9),
    ],
)
async def test_each_match_that_is_shown_is_counted_once(
    store: Store, where: Node, restriction: Restriction, expected: int
):
    await filled(store)
    assert await store.count((Target("Patient", where),), restriction=restriction) == expected


@pytest.mark.parametrize("total", [True, False])
async def test_a_sorted_page_knows_its_total_or_leaves_it_to_be_counted(store: Store, total: bool):
    await filled(store)
    asked = Query((Target("Patient", A),), 2, sort=(Sort("id"),), total=total)
    for restriction, expected in ((ALL, 7), (NO_RED, 5), (InCompartment("Patient", "nobody"), 0)):
        page = await store.search(asked, restriction=restriction)
        assert len(page.versions) == min(2, expected)
        assert page.total in ((None, expected) if total else (None,))
