"""Questions about definitions that are in the store however they look: answered or refused, never anything else.

Packages bring what nobody has validated, and it is stored as it came.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import Refusal
from fhir_server.interactions.call import ANONYMOUS, Call
from fhir_server.interactions.table import INTERACTIONS
from fhir_server.operations.registry import OPERATIONS
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.store.base import Key, NewVersion, Transaction
from profiles.validation.validator import Validator
from tests.fakes.clock import Clock
from tests.fakes.server import services_at
from tests.properties.test_bad_definitions import (
    CODE_SYSTEM,
    CONCEPT_MAP,
    MINE,
    VALUE_SET,
    Json,
    bending,
    bent,
    number_of,
)

KINDS = ("CodeSystem", "ValueSet", "ConceptMap")
REGISTRY = Registry()
VALIDATOR = Validator()

QUESTIONS: tuple[tuple[str, str, Json], ...] = (
    ("lookup", "CodeSystem", {"system": CODE_SYSTEM["url"], "code": "a"}),
    ("validate-code", "CodeSystem", {"url": CODE_SYSTEM["url"], "code": "b"}),
    ("subsumes", "CodeSystem", {"system": CODE_SYSTEM["url"], "codeA": "a", "codeB": "b"}),
    ("expand", "ValueSet", {"url": VALUE_SET["url"]}),
    ("validate-code", "ValueSet", {"url": VALUE_SET["url"], "system": CODE_SYSTEM["url"], "code": "b"}),
    ("translate", "ConceptMap", {"url": CONCEPT_MAP["url"], "system": CODE_SYSTEM["url"], "code": "a"}),
    ("translate", "ConceptMap", {"system": CODE_SYSTEM["url"], "code": "a", "targetsystem": MINE + "CodeSystem/other"}),
    ("expand", "ValueSet/bent", {}),
    ("validate-code", "ValueSet/bent", {"system": CODE_SYSTEM["url"], "code": "b"}),
    ("validate-code", "CodeSystem/bent", {"code": "a"}),
    ("translate", "ConceptMap/bent", {"system": CODE_SYSTEM["url"], "code": "a"}),
)


async def answers(definitions: list[Json]) -> int:
    """Ask about definitions that are in the store however they look; return how many questions were answered."""
    count = 0
    extractor = Extractor(REGISTRY)
    services = await services_at("memory:", REGISTRY, extractor, VALIDATOR, Clock())

    async def put(tx: Transaction) -> None:
        for each in definitions:
            type = each["resourceType"]
            body = json.dumps({**each, "id": "bent"}, default=number_of).encode()
            entries = extractor.entries({"resourceType": type, "id": "bent", "url": each["url"]}, base=services.base)
            await tx.put(NewVersion(Key(type, "bent"), 1, "PUT", "test", body), entries)

    await services.store.write(put)
    try:
        for name, path, query in QUESTIONS:
            type, _, id = path.partition("/")
            call = Call(services, ANONYMOUS, "r", type, id or None, parameters=tuple(query.items()))
            with suppress(Refusal):
                await OPERATIONS[name].perform(call)
                count += 1
        for value in (f"in={VALUE_SET['url']}", f"below={CODE_SYSTEM['url']}|a"):
            modifier, _, text = value.partition("=")
            call = Call(services, ANONYMOUS, "r", "Observation", parameters=((f"code:{modifier}", text),))
            with suppress(Refusal):
                await INTERACTIONS["search"](call)
                count += 1
    finally:
        await services.store.close()
    return count


@bending
@given(st.data())
def test_questions_about_bent_definitions_of_the_store_are_answered_or_refused(data: st.DataObject) -> None:
    asyncio.run(answers([bent(kind, data) for kind in KINDS]))


def test_questions_about_good_definitions_are_answered() -> None:
    assert asyncio.run(answers([CODE_SYSTEM, VALUE_SET, CONCEPT_MAP])) > 10
