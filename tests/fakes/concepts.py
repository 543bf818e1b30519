"""A small code system of invented animals for the concept store, and a load of any system in one go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fhir_server.store.base import Store, Transaction
from fhir_server.store.concepts import NewConcept
from profiles.terminology.concept import Designation
from profiles.terminology.head import Head

URL = "http://example.org/fhir/CodeSystem/beasts"

BEASTS = (
    NewConcept("animal", "Animal", abstract=True),
    NewConcept("mammal", "Mammal", "Gives milk", properties=[("legs", "integer", "4"), ("group", "code", "warm")]),
    NewConcept("bird", "Bird", properties=[("legs", "integer", "2"), ("group", "code", "warm")]),
    NewConcept("bat", "Bat", designations=[Designation("Chauve-souris", "fr")], properties=[("legs", "integer", "2")]),
    NewConcept("Dog", "Dog", designations=[Designation("Chien", "fr"), Designation("Hund", "de")]),
    NewConcept("dodo", "Dodo", inactive=True, properties=[("extinct", "boolean", "true")]),
    NewConcept("rock", None),
)
EDGES = (
    ("mammal", "animal"),
    ("bird", "animal"),
    ("bat", "mammal"),
    ("bat", "bird"),
    ("Dog", "mammal"),
    ("dodo", "bird"),
)
HEAD = Head(0, URL, "1", "Beasts", case_sensitive=True)


async def load(
    store: Store,
    head: Head = HEAD,
    concepts: Sequence[NewConcept] = BEASTS,
    edges: Iterable[tuple[str, str]] = EDGES,
) -> Head:
    """Load and publish a code system in one transaction."""

    async def work(tx: Transaction) -> Head:
        key = await tx.concepts.begin(head)
        await tx.concepts.add(key, concepts)
        await tx.concepts.relate(key, list(edges))
        after, some = await tx.concepts.settle(key, 0, 2)
        while some:
            after, some = await tx.concepts.settle(key, after, 2)
        return await tx.concepts.publish(key)

    return await store.write(work)
