"""How far `_include` and `_revinclude` go (http://hl7.org/fhir/R4/search.html#include), over a reader of references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fhir_server.errors import Gone
from fhir_server.interactions.call import Call, Limits, Principal
from fhir_server.interactions.including import Included, including
from fhir_server.search.query import Include
from fhir_server.store.base import CursorExpired, Key, Page, Version
from profiles.restriction import InCompartment, narrow
from tests.fakes.rights import limited_to

pytestmark = pytest.mark.anyio

OWN = InCompartment("Patient", "1")


def version(path: str) -> Version:
    """Return `Type/id` or `Type/id/number`."""
    type, id, number = (*path.split("/"), "1")[:3]
    return Version(Key(type, id), int(number), 0, "PUT", "", b"{}", 7)


def name(version: Version) -> str:
    type, id = version.key
    return f"{type}/{id}" if version.number == 1 else f"{type}/{id}/{version.number}"


class Reader:
    """Follows `references`: from (what, name of the reference) to what it leads to."""

    def __init__(self, references: Mapping[tuple[str, str], Sequence[str]]) -> None:
        self.references = references
        self.limits: list[int] = []

    async def include(
        self, versions: Sequence[Version], include: Include, *, restriction: Any, position: int | None, limit: int
    ) -> list[Version]:
        assert narrow(restriction, "Patient") == OWN
        assert position == 7
        self.limits.append(limit)
        found = [
            target
            for each in versions
            for reference in include.names
            for target in self.references.get((name(each), reference), ())
        ]
        return [version(path) for path in dict.fromkeys(found)][:limit]


def link(name: str, *, iterate: bool = False, reverse: bool = False) -> Include:
    return Include("Patient", (name,), iterate=iterate, reverse=reverse, asked=f"_include=Patient:{name}")


async def include(reader: Reader, matches: Sequence[str], *includes: Include, limit: int = 100) -> Included:
    services = SimpleNamespace(store=reader, limits=Limits(includes=limit), now=lambda: 0)
    call = Call(cast(Any, services), Principal("ann", limited_to(OWN)), "r")
    return await including(call, Page([version(path) for path in matches], None, 7), includes)


def names(included: Included) -> list[str]:
    return [name(each) for each in included.versions]


async def test_without_includes_nothing_is_asked_for() -> None:
    reader = Reader({})
    assert await include(reader, ["A/1"]) == Included()
    assert await include(reader, [], link("x")) == Included()
    assert reader.limits == []


async def test_each_resource_comes_once_and_no_match_comes_again() -> None:
    reader = Reader({("A/1", "x"): ["P/1", "A/2"], ("A/2", "x"): ["P/1"], ("A/2", "y"): ["P/1", "P/2", "A/1"]})
    found = await include(reader, ["A/1", "A/2"], link("x"), link("y"))
    assert names(found) == ["P/1", "P/2"]
    assert found.issues == ()


async def test_without_iterate_only_matches_lead_on() -> None:
    reader = Reader({("A/1", "x"): ["B/1"], ("B/1", "x"): ["C/1"], ("B/1", "y"): ["D/1"]})
    assert names(await include(reader, ["A/1"], link("x"), link("y"))) == ["B/1"]


async def test_iterate_starts_from_matches_too_and_ends_when_nothing_new_comes() -> None:
    reader = Reader({("A/1", "x"): ["B/1"], ("B/1", "x"): ["C/1"], ("C/1", "x"): ["A/1", "B/1"]})
    assert names(await include(reader, ["A/1"], link("x", iterate=True))) == ["B/1", "C/1"]


async def test_the_order_of_includes_makes_no_difference() -> None:
    reader = Reader(
        {
            ("A/1", "x"): ["B/1"],
            ("B/1", "back"): ["C/1"],
            ("C/1", "on"): ["D/1"],
            ("D/1", "back"): ["E/1"],
            ("D/1", "x"): ["F/1"],
        }
    )
    includes = (link("x"), link("back", iterate=True, reverse=True), link("on", iterate=True))
    for order in permutations(includes):
        assert set(names(await include(reader, ["A/1"], *order))) == {"B/1", "C/1", "D/1", "E/1"}


async def test_a_reference_to_a_version_leads_to_it_beside_another_one() -> None:
    reader = Reader({("A/1", "x"): ["P/1/2", "P/1"], ("A/1", "y"): ["A/1/3"]})
    assert names(await include(reader, ["A/1"], link("x"), link("y"))) == ["P/1/2", "P/1", "A/1/3"]


async def test_what_is_cut_is_told_with_its_include_and_the_way_out() -> None:
    reader = Reader({("A/1", "x"): ["P/1", "P/2"], ("A/1", "y"): ["P/2", "P/3"], ("A/1", "z"): ["P/1"]})
    found = await include(reader, ["A/1"], link("x"), link("y"), link("z"), limit=2)
    assert names(found) == ["P/1", "P/2"]
    (issue,) = found.issues
    assert (issue.severity, issue.code, issue.expression) == ("warning", "too-costly", "_include")
    assert issue.message.startswith("_include=Patient:y: cut, because a page takes at most 2 included resources.")
    assert "_count" in issue.message


async def test_what_just_fits_is_not_called_cut() -> None:
    reader = Reader({("A/1", "x"): ["A/1", "P/1", "P/2"], ("P/1", "x"): ["P/2", "A/1"]})
    found = await include(reader, ["A/1"], link("x", iterate=True), limit=2)
    assert (names(found), found.issues) == (["P/1", "P/2"], ())


async def test_known_ones_leave_room_for_new_ones_in_what_the_store_is_asked_for() -> None:
    matches = [f"A/{number}" for number in range(5)]
    reader = Reader({("A/0", "x"): [*matches, "P/1", "P/2", "P/3"]})
    found = await include(reader, matches, link("x"), limit=2)
    assert names(found) == ["P/1", "P/2"]
    assert len(found.issues) == 1
    assert reader.limits == [8]


async def test_an_iteration_that_is_cut_ends() -> None:
    reader = Reader({(f"A/{number}", "x"): [f"A/{number + 1}"] for number in range(1, 50)})
    found = await include(reader, ["A/1"], link("x", iterate=True, reverse=True), limit=3)
    assert names(found) == ["A/2", "A/3", "A/4"]
    assert found.issues[0].expression == "_revinclude"


async def test_a_walk_that_is_too_old_is_gone() -> None:
    class Swept(Reader):
        async def include(self, *_: Any, **__: Any) -> list[Version]:
            raise CursorExpired

    with pytest.raises(Gone):
        await include(Swept({}), ["A/1"], link("x"))
