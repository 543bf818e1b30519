"""The codes of R4's value sets, against counts and members that the specification's pages show."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from profiles.definitions import Element, structure, type_names
from profiles.terminology.canonical import unversioned
from profiles.terminology.codes import FORMATS, SYNTAX, expansion, open_system
from profiles.terminology.currencies import CURRENCIES

BASE = "http://hl7.org/fhir/ValueSet/"
LOINC_ANSWERS = "http://loinc.org/vs/LL379-9"


def test_a_value_set_that_names_a_whole_code_system_has_all_its_codes() -> None:
    assert expansion(f"{BASE}administrative-gender|4.0.1") == {
        ("http://hl7.org/fhir/administrative-gender", code) for code in ("male", "female", "other", "unknown")
    }


def test_nested_concepts_belong_to_the_system() -> None:
    codes = {code for _, code in expansion(f"{BASE}condition-clinical") or ()}

    assert codes == {"active", "recurrence", "relapse", "inactive", "remission", "resolved"}


def test_a_value_set_with_listed_concepts_has_only_those() -> None:
    codes = {code for _, code in expansion(f"{BASE}units-of-time") or ()}

    assert codes == {"s", "min", "h", "d", "wk", "mo", "a"}


def test_a_value_set_made_of_two_systems_has_the_codes_of_both() -> None:
    codes = {code for _, code in expansion(f"{BASE}all-types") or ()}

    assert {"Patient", "Quantity", "Type", "Any", "string"} <= codes


def test_a_filter_takes_what_is_below_a_concept_and_an_exclusion_takes_away() -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
    participants = {code for _, code in expansion(f"{BASE}encounter-participant-type") or ()}

    assert expansion("http://terminology.hl7.org/ValueSet/v3-SeverityObservation") == {(system, c) for c in "HLM"}
    assert " ".join(sorted(participants)) == "ADM ATND CALLBCK CON DIS ESC PART PPRF REF SPRF emergency translator"


def test_currencies_are_those_of_iso_4217() -> None:
    codes = {code for _, code in expansion(f"{BASE}currencies") or ()}

    assert codes == CURRENCIES
    assert {"EUR", "CHF", "XAF", "XPF"} <= codes
    assert not {"EURO", "eur", "XYZ"} & codes


def test_value_sets_of_systems_that_r4_does_not_carry_are_not_enumerable() -> None:
    assert expansion(LOINC_ANSWERS) is None
    assert expansion(f"{BASE}observation-codes") is None
    assert open_system(f"{BASE}observation-codes") is None


@pytest.mark.parametrize(
    ("value_set", "right", "wrong"),
    [
        (
            "mimetypes",
            ["text/plain", "application/fhir+json", "text/html; charset=utf-8", "image/*"],
            ["xml", "a b", "/x"],
        ),
        ("ucum-units", ["mg/dL", "10*3/uL", "{score}", "%"], ["mg dL", ""]),
        ("all-languages", ["fr", "fr-FR", "zh-Hant-TW", "de-CH-1996"], ["fr_FR", "français", "-fr"]),
    ],
)
def test_open_systems_have_a_syntax(value_set: str, right: list[str], wrong: list[str]) -> None:
    system = open_system(BASE + value_set)

    assert system is not None
    assert all(re.fullmatch(SYNTAX[system], code) for code in right)
    assert not any(re.fullmatch(SYNTAX[system], code) for code in wrong)


def test_formats_may_also_be_the_short_names() -> None:
    assert open_system(FORMATS) == FORMATS
    assert all(re.fullmatch(SYNTAX[FORMATS], code) for code in ("xml", "json", "ttl", "application/fhir+xml"))


def test_a_version_of_the_value_set_changes_nothing_for_a_binding() -> None:
    assert expansion(f"{BASE}administrative-gender|3.0.1") == expansion(f"{BASE}administrative-gender")


def _required(element: Element) -> Iterator[str]:
    if element.strength == "required" and element.value_set:
        yield unversioned(element.value_set)
    for child in element.children:
        yield from _required(child)


def test_every_required_binding_of_r4_can_be_checked_except_one_of_loinc() -> None:
    bound = {url for name in type_names() for url in _required(structure(name).root)}
    unchecked = {url for url in bound if expansion(url) is None and open_system(url) is None}

    assert len(bound) > 200
    assert unchecked == {LOINC_ANSWERS}
