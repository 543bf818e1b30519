"""What is searched with `_contained` (http://hl7.org/fhir/R4/search.html#contained)."""

from __future__ import annotations

import pytest

from fhir_server.errors import BadRequest
from fhir_server.search.parameters import Addition, Registry
from fhir_server.search.parse import parse
from fhir_server.search.query import Id, Or, Target, Token
from profiles.definitions import SearchParameter
from tests.fakes.searching import BASE, parsed, refusal

MALE = Token("gender", None, "male")
OWN = SearchParameter("http://own", "own", "token", ("Patient",), "Patient.active", (), (), (), ())


def targets(contained: str, by_container: bool, *parameters: tuple[str, str]) -> tuple[Target, ...]:
    return parsed("Patient", *parameters, contained=contained, by_container=by_container).targets


def test_stored_resources_are_searched_by_default() -> None:
    assert targets("false", True, ("gender", "male")) == (Target("Patient", MALE),)


def test_contained_resources_are_searched_alone_or_beside_stored_ones() -> None:
    asked = ("gender", "male")
    inner, container = Target("Patient", MALE, "contained"), Target("Patient", MALE, "container")
    assert targets("true", False, asked) == (inner,)
    assert targets("true", True, asked) == (container,)
    assert targets("both", False, asked) == (Target("Patient", MALE), inner)
    assert targets("both", True, asked) == (Target("Patient", MALE), Target("Patient", MALE, "container", MALE))


def test_an_id_is_asked_of_each_in_its_way() -> None:
    stored, inner = targets("both", False, ("_id", "a"))
    assert stored.where == Id(("a",))
    assert inner.where == Or((Token("_id", "", "a", case_sensitive=True),))


@pytest.mark.parametrize(
    "asked",
    [
        ("_has:Observation:subject:code", "x"),
        ("_list", "1"),
        ("_include", "Patient:organization"),
        ("_revinclude:iterate", "Observation:subject"),
    ],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_what_needs_more_than_their_own_entries_is_refused_in_any_case(asked: tuple[str, str], lenient: bool) -> None:
    found = refusal("Patient", asked, contained="true", lenient=lenient)
    assert (found.issues[0].code, found.issues[0].expression) == ("not-supported", asked[0].partition(":")[0])


def test_containers_of_several_types_are_refused() -> None:
    assert refusal(("Patient", "Basic"), ("_id", "a"), contained="true").issues[0].expression == "_contained"
    found = parsed(("Patient", "Basic"), ("_id", "a"), contained="true", by_container=False)
    assert [each.kind for each in found.targets] == ["#Patient", "#Basic"]


@pytest.mark.parametrize("asked", [("own", "true"), ("_filter", "own eq true"), ("_sort", "own")])
def test_a_parameter_of_ones_own_is_refused(asked: tuple[str, str]) -> None:
    registry = Registry([Addition(OWN)])
    assert parse("Patient", [asked], registry, base=BASE, now=0)
    with pytest.raises(BadRequest):
        parse("Patient", [asked], registry, base=BASE, now=0, contained="true")
