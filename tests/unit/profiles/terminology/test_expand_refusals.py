"""What cannot be expanded is refused with the value set, the reason and the way out; never answered in part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from profiles.terminology.errors import NotExpandable
from profiles.terminology.expand import expand
from tests.fakes.terminology import ANIMALS, SYSTEM, filtered, imported, listed, nothing, stored, value_set

BASE = "http://hl7.org/fhir/ValueSet/"
URL = "http://example.org/ValueSet/"


def refusal(asked: str | Mapping[str, Any], *resources: Mapping[str, Any]) -> str:
    with pytest.raises(NotExpandable) as caught:
        expand(asked, stored(*resources))
    return str(caught.value)


def test_an_unknown_value_set_is_named_with_the_way_out() -> None:
    assert refusal(f"{URL}nowhere") == (
        f"the value set {URL}nowhere is not known here; store it as a ValueSet with that url"
    )


@pytest.mark.parametrize(
    "url",
    ["http://snomed.info/sct?fhir_vs=isa/73211009", "http://loinc.org/vs/LL379-9", "http://loinc.org/vs"],
)
def test_implicit_value_sets_are_named_as_such(url: str) -> None:
    text = refusal(url)

    assert text.startswith(f"the value set {url} is an implicit one")
    assert text.endswith("store a ValueSet of that url that lists its codes")


def test_an_implicit_value_set_that_is_stored_is_used() -> None:
    answers = {**value_set("answers", listed("http://loinc.org", "LA1")), "url": "http://loinc.org/vs/LL379-9"}

    assert expand("http://loinc.org/vs/LL379-9", stored(answers)) == {("http://loinc.org", "LA1")}


@pytest.mark.parametrize(
    ("value_set_name", "reason"),
    [
        ("observation-codes", "the code system http://loinc.org is not known here"),
        ("condition-code", "the code system http://snomed.info/sct has content 'not-present', not 'complete'"),
        ("service-type", "service-type has content 'example', not 'complete'"),
        ("insuranceplan-type", "insurance-plan-type has content 'fragment', not 'complete'"),
        ("ucum-units", "the code system http://unitsofmeasure.org is not known here"),
    ],
)
def test_a_value_set_over_a_system_whose_codes_are_not_all_here_is_refused(value_set_name: str, reason: str) -> None:
    text = refusal(BASE + value_set_name)

    assert text.startswith(f"the value set {BASE}{value_set_name} cannot be expanded, because ")
    assert reason in text
    assert text.endswith("; store it as a complete CodeSystem with that url, or list the codes in a ValueSet")


def test_a_code_system_with_a_grammar_has_no_end() -> None:
    text = refusal(value_set("every", {"system": SYSTEM}), {**ANIMALS, "compositional": True})

    assert f"the code system {SYSTEM} builds codes by a grammar" in text


def test_a_code_system_is_no_value_set_and_a_value_set_no_code_system() -> None:
    gender = "http://hl7.org/fhir/administrative-gender"
    wrong = value_set("wrong", {"system": f"{URL}wrong"})

    assert refusal(SYSTEM, ANIMALS) == f"{SYSTEM} is a CodeSystem, not a ValueSet; give the url of a ValueSet"
    assert refusal(gender).startswith(f"{gender} is a code system, not a value set; ")
    assert "is a ValueSet, not a CodeSystem" in refusal(wrong, wrong)


def test_value_sets_that_import_themselves_are_refused_with_the_circle() -> None:
    circle = f"{URL}a -> {URL}b -> {URL}a"
    text = refusal(f"{URL}a", value_set("a", imported("b")), value_set("b", listed(SYSTEM, "dog"), imported("a")))

    assert text == f"the value set {URL}a imports itself ({circle}); break the circle"


def test_a_circle_further_down_is_named_too() -> None:
    text = refusal(value_set("top", imported("self")), value_set("self", imported("self")))

    assert text.startswith(f"the value set {URL}top cannot be expanded, because the value set {URL}self imports itself")


def test_imports_without_end_are_refused() -> None:
    chain = [value_set(f"v{n}", imported(f"v{n + 1}")) for n in range(100)]

    assert "import one another more than 32 deep" in refusal(chain[0], *chain)


def test_a_code_system_of_another_version_is_not_taken_in_its_place() -> None:
    old = value_set("old", {"system": SYSTEM, "version": "1"})

    with pytest.raises(NotExpandable, match="CodeSystem/animals is not here in version 1 but in 2"):
        expand(old, lambda _: ANIMALS)


def test_a_value_set_of_another_version_is_not_taken_in_its_place() -> None:
    url = f"{BASE}administrative-gender"

    assert refusal(f"{url}|3.0.1") == (
        f"the value set {url} is not here in version 3.0.1 but in 4.0.1; "
        "store the version that is asked for, or ask for none"
    )


def test_a_whole_system_as_of_a_date_needs_its_version() -> None:
    locked = value_set("locked", {"system": SYSTEM}, lockedDate="2020-01-01")
    stated = value_set("locked", {"system": SYSTEM, "version": "2"}, lockedDate="2020-01-01")

    assert "means http://example.org/CodeSystem/animals as of its lockedDate" in refusal(locked, ANIMALS)
    assert len(expand(stated, stored(ANIMALS))) == 8


def test_an_include_of_nothing_is_refused() -> None:
    assert "has an include without system and valueSet" in refusal(value_set("odd", {}))


@pytest.mark.parametrize(
    ("parts", "exclude"),
    [([listed(SYSTEM, "dog"), {"system": "http://snomed.info/sct"}], []), ([listed(SYSTEM, "dog")], [imported("no")])],
)
def test_one_part_that_cannot_be_expanded_refuses_the_whole(
    parts: list[dict[str, Any]], exclude: list[dict[str, Any]]
) -> None:
    with pytest.raises(NotExpandable, match="ValueSet/mixed cannot be expanded, because"):
        expand(value_set("mixed", *parts, exclude=exclude), nothing)


def test_a_filter_that_is_not_supported_is_named() -> None:
    text = refusal(value_set("r", filtered("legs", "is-a", "d.*")), ANIMALS)

    assert text == (
        f"the value set {URL}r cannot be expanded, because the filter 'legs is-a d.*' on {SYSTEM} is not supported; "
        "list the codes, or use is-a, descendent-of, is-not-a, =, in"
    )
