"""R4's own value sets, against the members that the specification's pages show, and the ways value sets combine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from profiles.terminology.errors import NotExpandable
from profiles.terminology.expand import expand
from tests.fakes.terminology import ANIMALS, SYSTEM, filtered, imported, listed, nothing, stored, value_set

BASE = "http://hl7.org/fhir/ValueSet/"
V3 = "http://terminology.hl7.org/ValueSet/"
V3_SYSTEM = "http://terminology.hl7.org/CodeSystem/"


def animals(*codes: str) -> frozenset[tuple[str, str]]:
    return frozenset((SYSTEM, code) for code in codes)


@pytest.mark.parametrize(
    ("url", "system", "codes"),
    [
        (
            f"{BASE}observation-status",
            "http://hl7.org/fhir/observation-status",
            "registered preliminary final amended corrected cancelled entered-in-error unknown",
        ),
        (
            f"{BASE}administrative-gender|4.0.1",
            "http://hl7.org/fhir/administrative-gender",
            "male female other unknown",
        ),
        (f"{BASE}condition-category", f"{V3_SYSTEM}condition-category", "problem-list-item encounter-diagnosis"),
        (
            f"{BASE}condition-ver-status",
            f"{V3_SYSTEM}condition-ver-status",
            "unconfirmed provisional differential confirmed refuted entered-in-error",
        ),
        (
            f"{V3}v3-ActEncounterCode",
            f"{V3_SYSTEM}v3-ActCode",
            "AMB EMER FLD HH IMP ACUTE NONAC OBSENC PRENC SS VR",
        ),
        (f"{BASE}patient-contactrelationship", f"{V3_SYSTEM}v2-0131", "BP C CP E EP F I N PR S U"),
        (
            f"{BASE}task-code",
            "http://hl7.org/fhir/CodeSystem/task-code",
            "approve fulfill abort replace change suspend resume",
        ),
    ],
)
def test_r4s_own_value_sets_have_the_codes_of_the_specification(url: str, system: str, codes: str) -> None:
    assert expand(url, nothing) == {(system, code) for code in codes.split()}


def test_concepts_with_several_parents_are_found_under_each_of_them() -> None:
    codes = {code for _, code in expand(f"{V3}v3-ActPharmacySupplyType", nothing)}

    assert {"FFS", "FFPS", "FFCS", "TFS", "UD", "UDE"} <= codes
    assert "_ActPharmacySupplyType" not in codes


def test_a_version_that_is_part_of_a_system_stays_part_of_it() -> None:
    assert (f"{V3_SYSTEM}v2-0006|2.1", "A") in expand(f"{V3}v2-2.1-0006", nothing)


def test_systems_imports_and_exclusions_of_a_stored_value_set_combine() -> None:
    pets = value_set(
        "pets", {"system": SYSTEM, "valueSet": ["http://example.org/ValueSet/tame"]}, listed("urn:toys", "robot")
    )
    tame = value_set("tame", filtered("tame", "=", "true"), listed(SYSTEM, "owl", "unicorn"))
    quiet = value_set("quiet", imported("pets"), exclude=[listed(SYSTEM, "dog")])
    resolve = stored(ANIMALS, pets, tame, quiet)

    assert expand(tame["url"], resolve) == animals("dog", "owl", "unicorn")
    assert expand(pets["url"], resolve) == animals("dog", "owl") | {("urn:toys", "robot")}
    assert expand(quiet["url"], resolve) == animals("owl") | {("urn:toys", "robot")}


def test_several_imports_in_one_include_intersect_and_several_includes_unite() -> None:
    mammals = value_set("mammals", filtered("concept", "is-a", "mammal"))
    fliers = value_set("fliers", filtered("concept", "descendent-of", "flier"))
    both = value_set("both", imported("mammals", "fliers"))
    either = value_set("either", imported("mammals"), imported("fliers"))
    resolve = stored(ANIMALS, mammals, fliers)

    assert expand(both, resolve) == animals("bat")
    assert expand(either, resolve) == animals("mammal", "dog", "bat", "mammoth", "owl")


def test_several_filters_hold_together() -> None:
    two_legs = {"property": "legs", "op": "=", "value": "2"}
    include = filtered("concept", "is-a", "mammal")
    include["filter"].append(two_legs)

    assert expand(value_set("both", include), stored(ANIMALS)) == animals("bat")


def test_a_stored_value_set_may_draw_on_r4s_own() -> None:
    two = value_set(
        "two",
        {"valueSet": [f"{BASE}administrative-gender|4.0.1"]},
        exclude=[listed("http://hl7.org/fhir/administrative-gender", "other", "unknown")],
    )

    assert {code for _, code in expand(two, nothing)} == {"male", "female"}


def test_inactive_codes_are_left_out_where_the_value_set_says_so() -> None:
    everything = {"system": SYSTEM}
    active = animals("mammal", "dog", "bat", "flier", "bird", "owl")

    assert expand(value_set("active", everything, inactive=False), stored(ANIMALS)) == active
    assert expand(value_set("all", everything, inactive=True), stored(ANIMALS)) == active | animals("mammoth", "dodo")
    assert expand(value_set("all", everything), stored(ANIMALS)) == active | animals("mammoth", "dodo")


def test_inactive_codes_are_left_out_of_lists_too_but_only_where_the_system_can_tell() -> None:
    mixed = value_set("mixed", listed(SYSTEM, "dodo", "owl"), listed("http://loinc.org", "8867-4"), inactive=False)

    assert expand(mixed, stored(ANIMALS)) == animals("owl") | {("http://loinc.org", "8867-4")}


def test_a_value_set_without_any_code_is_empty_and_no_refusal() -> None:
    assert (
        expand(value_set("none", listed(SYSTEM, "dog"), exclude=[{"system": SYSTEM}]), stored(ANIMALS)) == frozenset()
    )


def test_value_sets_that_share_imports_many_times_are_expanded_once_each() -> None:
    asked: list[str] = []
    chain = [value_set(f"v{n}", imported(f"v{n + 1}"), imported(f"v{n + 1}")) for n in range(25)]
    resolve = stored(*chain, value_set("v25", listed(SYSTEM, "dog")))

    def counted(canonical: str) -> Mapping[str, Any] | None:
        asked.append(canonical)
        return resolve(canonical)

    assert expand(chain[0]["url"], counted) == animals("dog")
    assert len(asked) == 26


def test_codes_below_the_limit_are_all_there_and_above_it_none() -> None:
    three = value_set("three", listed(SYSTEM, "dog", "bat", "owl"))

    assert len(expand(three, nothing, limit=3)) == 3
    with pytest.raises(NotExpandable, match=r"ValueSet/three has 3 codes, more than 2; ask for a smaller value set"):
        expand(three, nothing, limit=2)
    with pytest.raises(NotExpandable, match=r"ValueSet/large has 5,001 codes, more than 5,000"):
        expand(value_set("large", listed(SYSTEM, *map(str, range(5_001)))), nothing)
