"""Explanations: every store tells how it finds a page, and finds the page all the same."""

from __future__ import annotations

import pytest

from fhir_server.search.query import And, Chain, Has, Not, Query, Sort, Target, Token, Words
from fhir_server.store.base import Store
from profiles.restriction import ALL, WrittenBy
from tests.fakes.statements import code, keep, to

SECRET = "confidential"


@pytest.mark.parametrize(
    "query",
    [
        Query((Target("Observation"),)),
        Query((Target("Observation", Token("code", None, SECRET)), Target("Never"))),
        Query((Target("Observation", Chain("subject", "Patient", Not(Token("code", None, SECRET)))),)),
        Query((Target("Patient", Has("Observation", "subject", Token("code", None, SECRET))),)),
        Query((Target("Patient", And((Words((((SECRET,), True),)),))),), sort=(Sort("token", ("code",)),)),
    ],
    ids=str,
)
async def test_every_query_is_explained_without_its_values(store: Store, query: Query):
    await keep(store, "Patient/1", tokens=code(SECRET), texts=(SECRET, SECRET))
    await keep(store, "Observation/1", tokens=code(SECRET), references=to("subject", "Patient/1"))
    before = await store.search(query, restriction=ALL)
    for restriction in (ALL, WrittenBy("mallory")):
        told = await store.explain(query, restriction=restriction)
        assert told["engine"]
        assert SECRET not in str(told)
        assert "mallory" not in str(told)
    assert await store.search(query, restriction=ALL) == before
