"""Parameters that were read before: taken again where they mean the same, and read anew where they may not."""

from __future__ import annotations

import pytest

from fhir_server.errors import BadRequest
from fhir_server.search import parse as parsing
from fhir_server.search.parameters import Registry
from fhir_server.search.parse import Search, parse
from fhir_server.search.parts import MOST, Parts
from fhir_server.search.query import Date

BASE = "https://fhir.example.org/fhir"
REGISTRY = Registry()


def read(parts: Parts | None, *parameters: tuple[str, str], types: str = "Observation", now: int = 0) -> Search:
    return parse(types, parameters, REGISTRY, base=BASE, now=now, parts=parts)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The parameters that are really read."""
    found: list[tuple[str, str]] = []
    criterion = parsing.criterion

    def noted(resource_type, name, value, context):
        found.append((name, value))
        return criterion(resource_type, name, value, context)

    monkeypatch.setattr(parsing, "criterion", noted)
    return found


def test_what_was_read_before_is_taken_again_and_means_the_same(asked: list[tuple[str, str]]) -> None:
    parts = Parts()
    same = (("code", "http://loinc.org|1"), ("_sort", "-date"), ("_include", "Observation:subject"))
    for patient in ("1", "2", "1"):
        parameters = (("patient", patient), *same)
        assert read(parts, *parameters) == read(None, *parameters)
    kept = [each for each in asked if asked.count(each) < 6]
    assert asked.count(("code", "http://loinc.org|1")) == 1 + 3
    assert set(kept) == {("code", "http://loinc.org|1"), ("patient", "1"), ("patient", "2")}


def test_another_type_reads_for_itself() -> None:
    parts = Parts()
    read(parts, ("code", "x"))
    assert read(parts, ("code", "x"), types="Condition") == read(None, ("code", "x"), types="Condition")


def test_what_hangs_on_the_moment_is_read_each_time() -> None:
    parts = Parts()
    now, later = 1_700_000_000_000_000, 1_800_000_000_000_000
    first, second = (read(parts, ("date", "ap2010"), now=each).where for each in (now, later))
    assert isinstance(first, Date)
    assert isinstance(second, Date)
    assert first.low > second.low


@pytest.mark.parametrize("name", ["code:not", "subject:Patient.name", "_filter", "_lastUpdated"])
def test_what_may_ask_other_things_is_not_kept(name: str) -> None:
    parts = Parts()
    value = {"_filter": "code eq x", "_lastUpdated": "gt2020"}.get(name, "x")
    read(parts, (name, value))
    assert parts.get((("Observation",), name, value)) is None


def test_a_refusal_is_not_kept() -> None:
    parts = Parts()
    for _ in range(2):
        with pytest.raises(BadRequest, match="date"):
            read(parts, ("date", "2020-13-45"))


def test_what_is_kept_does_not_grow_without_end() -> None:
    parts = Parts()
    keys = [(("Patient",), "name", str(number)) for number in range(MOST + 1)]
    for key in keys:
        parts.keep(key, ())
    assert (parts.get(keys[0]), parts.get(keys[-1])) == (None, ())


def test_long_values_are_read_each_time(asked: list[tuple[str, str]]) -> None:
    parts, codes = Parts(), ",".join(["http://loinc.org|8302-2"] * 20)
    for _ in range(2):
        read(parts, ("code", codes))
    assert asked == [("code", codes)] * 2
