"""The two roads of extraction: loops find what FHIRPath finds, in the standard's examples and in Synthea data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from fhir_server.search.converters import Collector
from fhir_server.search.engine_rule import engine_rule
from fhir_server.search.extract import Extractor
from fhir_server.search.extract_contained import add_contained
from fhir_server.search.parameters import Parameter, Registry
from fhir_server.search.values import IndexEntries
from tests.fakes.shared import needs_shared_data, r4_examples, synthea_bundles

BASE = "https://fhir.example.org/fhir"
REGISTRY = Registry()
EXTRACTOR = Extractor(REGISTRY)
KINDS = ("tokens", "strings", "references", "uris", "dates", "numbers", "quantities", "positions")
"""The fields of IndexEntries that hold entries."""


def by_engine_alone(resource: dict[str, Any]) -> dict[str, set[Any]]:
    """What FHIRPath finds for every stored parameter, groups, implied systems and contained resources aside."""
    collector = Collector(base=BASE)
    for rule in engine_rules(resource["resourceType"]):
        rule(resource, collector)
    contained = resource.get("contained", ())
    add_contained(collector, contained, [Collector() for _ in contained])
    return comparable(collector)


RULES: dict[str, list[Any]] = {}


def engine_rules(resource_type: str) -> list[Any]:
    if resource_type not in RULES:
        stored = [each for each in REGISTRY.all_for(resource_type).values() if each.stored]
        RULES[resource_type] = [engine_rule(each, alternative) for each in stored for alternative in each.alternatives]
    return RULES[resource_type]


def comparable(found: IndexEntries) -> dict[str, set[Any]]:
    plain: dict[str, set[Any]] = {
        kind: {entry[:-1] for entry in getattr(found, kind) if "." not in entry[0]} for kind in KINDS
    }
    # What a family name goes on with hangs on its place, which FHIRPath does not tell.
    plain["strings"] = {each for each in plain["strings"] if each[2] or each[0].endswith(":text")}
    plain["tokens"] = {(name, code) for name, _, code, _ in found.tokens if "." not in name}
    return plain


def some_resources() -> Iterator[dict[str, Any]]:
    yield from r4_examples()
    seen: dict[str, int] = {}
    for bundle in synthea_bundles("s-*"):
        for entry in bundle["entry"]:
            kind = entry["resource"]["resourceType"]
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] <= 60:
                yield entry["resource"]


@needs_shared_data
def test_the_short_road_finds_what_fhirpath_finds() -> None:
    count = 0
    for resource in some_resources():
        assert comparable(EXTRACTOR.entries(resource, base=BASE)) == by_engine_alone(resource)
        count += 1
    assert count > 900


@needs_shared_data
def test_every_entry_belongs_to_a_parameter_that_stores() -> None:
    for resource in r4_examples():
        stored: dict[str, Parameter] = {
            code: each for code, each in REGISTRY.all_for(resource["resourceType"]).items() if each.stored
        }
        found = EXTRACTOR.entries(resource, base=BASE)
        for kind in KINDS:
            for entry in getattr(found, kind):
                assert entry[0].partition(".")[0].partition(":")[0] in stored
        assert found.by_patient <= stored.keys()


def test_every_kind_of_entry_is_looked_at() -> None:
    assert {each.name for each in fields(IndexEntries)} == {*KINDS, "texts", "by_patient", "contained"}
    assert set(KINDS) == {name for name in KINDS if isinstance(getattr(IndexEntries(), name), list)}
