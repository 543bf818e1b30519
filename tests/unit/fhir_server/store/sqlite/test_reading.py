"""What one call asks in several statements."""

from __future__ import annotations

import pytest

from fhir_server.search.query import Include, Query, Target
from fhir_server.store.sqlite import reading
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL
from tests.fakes.statements import keep, to

SUBJECT = Include("Observation", ("subject",))


@pytest.mark.parametrize("together", [1, 2, 1000])
async def test_an_include_from_many_matches_has_each_once_in_the_order_of_commits(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(reading, "_TOGETHER", together)
    for patient in "abc":
        await keep(store, f"Patient/{patient}")
    for number, patient in enumerate("cabca"):
        await keep(store, f"Observation/{number}", references=to("subject", f"Patient/{patient}"))
    matches = await store.search(Query((Target("Observation"),)), restriction=ALL)
    for limit, expected in ((9, "abc"), (2, "ab")):
        found = await store.include(matches.versions, SUBJECT, restriction=ALL, limit=limit)
        assert "".join(each.key.id for each in found) == expected
