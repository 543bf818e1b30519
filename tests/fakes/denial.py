"""Denial: restrictions that allow nothing of what a test put, and every way there is to ask a store for a version."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from fhir_server.search.query import EVERYTHING, Include, Query, Target
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, Scope, Snapshot
from profiles.restriction import (
    ALL,
    ATTACHMENTS,
    NONE,
    RELATIONS,
    RULES,
    About,
    AllOf,
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
from tests.fakes.versions import RED, coded

OPEN = 1_900_000_000_000_000
"""A moment at which the relation of `doctor` to the patient 1 is open."""
REFUSALS: Mapping[str, Restriction] = {
    "nothing": NONE,
    "any of none": AnyOf(()),
    "not all": Not(ALL),
    "another compartment": InCompartment("Patient", "somebody-else"),
    "a compartment of an unknown type": InCompartment("Group", "nobody"),
    "another label": HasLabel(RED[0], "blue"),
    "another author": WrittenBy("mallory"),
    "other criteria": Matches("Patient", (("code", "never"),)),
    "another type": Matches("Observation", (("code", "a"),)),
    "all of one refused": AllOf((ALL, WrittenBy("mallory"))),
    "not its label": Not(HasLabel(*RED)),
    "not its author": Not(WrittenBy("alice")),
    "not its compartment": Not(InCompartment("Patient", "1")),
    "another kind of resource": OfTypes(("Observation", "Group")),
    "not its kind": Not(OfTypes(("Patient",))),
    "about another": About("2"),
    "not about it": Not(About("1")),
    "nobody's relation": Related("stranger", OPEN),
    "a relation that is over": Related("past", OPEN),
    "a relation that is still to come": Related("future", OPEN),
    "a relation for something else": Related("limited", OPEN),
    "not in relation": Not(Related("doctor", OPEN)),
    "refused by consent": Consented(("Practitioner/refused",), "TREAT", OPEN, ("Practitioner/refused",)),
    "refused, with an exception for who else would be vouched for": Consented(
        ("Organization/shut", "Organization/open"), "TREAT", OPEN, ("Organization/shut",)
    ),
    "attached to what is refused": Attached(WrittenBy("mallory")),
    "attached to what is refused by criteria": Attached(Matches("Patient", (("code", "never"),))),
}
"""Each refuses a Patient/1 of alice with the label RED, its own compartment, found by the code `a`."""


RECORDS: Mapping[tuple[str, str], tuple[Mapping[str, Any], int | None]] = {
    (RELATIONS, "a"): ({"pair": "doctor/1"}, None),
    (RELATIONS, "b"): ({"pair": "past/1"}, OPEN),
    (RELATIONS, "c"): ({"pair": "future/1", "since": OPEN + 1}, None),
    (RELATIONS, "d"): ({"pair": "limited/1", "only": [{"types": ["Observation"]}, {"labels": [["x", "y"]]}]}, None),
    (RULES, "e"): (
        {"patient": "1", "actors": ["Practitioner/refused"], "except": [{"purposes": ["BTG"], "until": OPEN + 1}]},
        None,
    ),
    (RULES, "g"): (
        {"patient": "1", "actors": ["Organization/shut"], "except": [{"actors": ["Organization/open"]}]},
        None,
    ),
    (ATTACHMENTS, "f"): ({"binary": "Patient/1", "holder": "Patient/1", "context": 0}, None),
    (ATTACHMENTS, "g"): ({"binary": "Patient/1", "holder": "Patient/never", "context": 0}, None),
    (ATTACHMENTS, "h"): ({"binary": "Patient/1", "holder": "Patient/1", "context": 1}, None),
}
"""Attachments, care relations and what consents refuse, by table and key: value and expiry."""


def linked(key: Key) -> IndexEntries:
    """Return entries that are found by the code `a` and refer to `key`, which is how a patient includes itself."""
    return replace(coded("a"), references=[("link", key.type, key.id, 0, 0)])


Ask = Callable[[Snapshot, Key, Restriction], Awaitable[Any]]


async def _chunks(snapshot: Snapshot, key: Key, restriction: Restriction) -> list[bytes]:
    return [chunk async for chunk in snapshot.chunks(key, 1, restriction=restriction)]


async def _history(snapshot: Snapshot, scope: Scope, restriction: Restriction) -> list[Any]:
    return list((await snapshot.history(scope, restriction=restriction)).versions)


async def _living(snapshot: Snapshot, key: Key, restriction: Restriction) -> list[Any]:
    return list((await snapshot.living(key.type, restriction=restriction)).versions)


async def _search(snapshot: Snapshot, key: Key, restriction: Restriction) -> list[Any]:
    return list((await snapshot.search(Query((Target(key.type),)), restriction=restriction)).versions)


async def _include(snapshot: Snapshot, key: Key, restriction: Restriction, *, reverse: bool = False) -> list[Any]:
    """Go along the links of all the patients there are."""
    found = (await snapshot.search(Query((Target(key.type),)), restriction=ALL)).versions
    along = Include(key.type, ("link",), reverse=reverse)
    return await snapshot.include(found, along, restriction=restriction, limit=9)


ASKED: Mapping[str, Ask] = {
    "read": lambda s, key, only: s.read(key, restriction=only),
    "read_many": lambda s, key, only: s.read_many([key], restriction=only),
    "vread": lambda s, key, only: s.vread(key, 1, restriction=only),
    "history": lambda s, key, only: _history(s, Scope(key.type, key.id), only),
    "search": _search,
    "count": lambda s, key, only: s.count((Target(key.type),), restriction=only),
    "matches": lambda s, key, only: s.matches(key.type, EVERYTHING, restriction=only, limit=9),
    "living": _living,
    "include": _include,
    "owners": lambda s, key, only: s.owners(key, 1, restriction=only),
    "labels": lambda s, key, only: s.labels(key, 1, restriction=only),
    "subjects": lambda s, key, only: s.subjects(key, 1, restriction=only),
    "content_length": lambda s, key, only: s.content_length(key, 1, restriction=only),
    "chunks": _chunks,
}
"""Method -> how to ask it for the first version of a key; what is refused answers as what is not there: falsy."""

OTHERWISE: Mapping[str, Ask] = {
    "include what refers here": lambda s, key, only: _include(s, key, only, reverse=True),
    "of a type": lambda s, key, only: _history(s, Scope(key.type), only),
    "of everything": lambda s, key, only: _history(s, Scope(), only),
}
