"""Searches that were parsed lately."""

from __future__ import annotations

import pytest

from fhir_server.search import remembered
from fhir_server.search.parameters import Addition, Registry
from fhir_server.search.parse import Search
from fhir_server.search.remembered import Remembered, is_timeless
from profiles.definitions import SearchParameter
from tests.fakes.searching import parsed

OWN = SearchParameter("http://own", "own", "token", ("Patient",), "Patient.active", (), (), (), ())
MALE = parsed("Patient", ("gender", "male"))


def test_a_search_is_remembered_by_what_it_was_parsed_from() -> None:
    registry, known = Registry(), Remembered()
    assert known.get("a", registry) is None
    known.keep("a", MALE)
    assert known.get("a", registry) is MALE
    assert known.get("b", registry) is None


def test_all_are_forgotten_when_the_parameters_change() -> None:
    registry, known = Registry(), Remembered()
    known.get("a", registry)
    known.keep("a", MALE)
    registry.change([Addition(OWN)])
    assert known.get("a", registry) is None
    known.keep("a", MALE)
    assert known.get("a", registry) is MALE


@pytest.mark.parametrize(
    "search",
    [
        parsed("Patient", ("birthdate", "ap2000")),
        parsed("Patient", ("_lastUpdated", "ap2020-01-01")),
        parsed("Observation", ("subject:Patient.birthdate", "ap2000")),
        parsed("Patient", ("_has:Observation:subject:date", "ap2000")),
        parsed("Patient", ("gender", "male"), ("_filter", "birthdate ap 2000")),
        parsed(("Patient", "Person"), ("birthdate", "ap2000")),
        parsed("Patient", ("birthdate", "ap2000"), contained="true"),
    ],
)
def test_what_hangs_on_the_moment_is_not_remembered(search: Search) -> None:
    registry, known = Registry(), Remembered()
    known.get("a", registry)
    known.keep("a", search)
    assert not is_timeless(search.targets)
    assert known.get("a", registry) is None


@pytest.mark.parametrize(
    "search", [MALE, parsed("Patient", ("birthdate", "ge2000")), parsed("Observation", ("value-quantity", "ap5"))]
)
def test_what_means_the_same_at_any_moment_is(search: Search) -> None:
    assert is_timeless(search.targets)


def test_a_search_with_warnings_is_not_remembered() -> None:
    registry, known = Registry(), Remembered()
    known.get("a", registry)
    known.keep("a", parsed("Patient", ("nonsense", "1"), lenient=True))
    assert known.get("a", registry) is None


@pytest.mark.parametrize(
    "search",
    [
        parsed("Patient", ("gender", ",".join(map(str, range(101))))),
        parsed("Patient", *[("organization.partof.name", "a")] * 3),
        parsed("Patient", ("name", "a" * 1100)),
        parsed("Patient", *[("_include", "Patient:organization")] * 50),
    ],
)
def test_a_large_search_is_not_remembered(search: Search) -> None:
    registry, known = Registry(), Remembered()
    known.get("a", registry)
    known.keep("a", search)
    assert known.get("a", registry) is None


def test_what_is_asked_for_again_is_remembered_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 2)
    registry, known = Registry(), Remembered()
    known.get("a", registry)
    for key in "abcde":
        known.keep(key, MALE)
        known.get("a", registry)
    assert [known.get(key, registry) for key in "abcde"] == [MALE, None, None, MALE, MALE]
