"""Stored definitions go before R4's own, and a stated version is respected."""

from __future__ import annotations

import pytest

from profiles.terminology.errors import NotExpandable
from profiles.terminology.sources import find_code_system, find_value_set
from tests.fakes.terminology import ANIMALS, SYSTEM, listed, nothing, stored, value_set

GENDER = "http://hl7.org/fhir/administrative-gender"
V2 = "http://terminology.hl7.org/CodeSystem/v2-0006|2.1"


def own_gender(**changes: object) -> dict[str, object]:
    return {**ANIMALS, "url": GENDER, "version": "9", "concept": [{"code": "x"}], **changes}


def test_a_stored_code_system_goes_before_r4s_own() -> None:
    assert set(find_code_system(GENDER, stored(own_gender())).concepts) == {"x"}
    assert set(find_code_system(GENDER, nothing).concepts) == {"male", "female", "other", "unknown"}


def test_a_stored_value_set_goes_before_r4s_own() -> None:
    url = "http://hl7.org/fhir/ValueSet/administrative-gender"
    mine = {**value_set("gender", listed(GENDER, "male")), "url": url}

    assert find_value_set(url, stored(mine)).includes[0].codes == ("male",)
    assert find_value_set(url, nothing).includes[0].codes is None


def test_the_version_that_is_stated_is_the_one_that_is_taken() -> None:
    def newer(canonical: str) -> dict[str, object]:
        return own_gender()

    assert set(find_code_system(f"{GENDER}|9", newer).concepts) == {"x"}
    assert "male" in find_code_system(f"{GENDER}|4.0.1", newer).concepts
    with pytest.raises(NotExpandable, match=r"administrative-gender is not here in version 5 but in 4\.0\.1, 9; store"):
        find_code_system(f"{GENDER}|5", newer)


def test_a_stored_part_does_not_hide_a_complete_system_of_r4() -> None:
    assert "male" in find_code_system(GENDER, stored(own_gender(content="fragment"))).concepts


def test_the_resolver_is_asked_for_the_canonical_as_it_was_stated() -> None:
    asked: list[str] = []

    def resolve(canonical: str) -> None:
        asked.append(canonical)

    find_code_system(f"{GENDER}|4.0.1", resolve)
    assert asked == [f"{GENDER}|4.0.1"]


def test_a_bar_in_the_url_of_a_system_is_no_version() -> None:
    assert find_code_system(V2, nothing).url == V2


def test_a_resource_without_version_fits_no_version() -> None:
    unversioned = {key: value for key, value in ANIMALS.items() if key != "version"}

    with pytest.raises(NotExpandable, match="is not here in version 2 but in one without version"):
        find_code_system(f"{SYSTEM}|2", lambda _: unversioned)


def test_the_parts_of_a_refusal_can_be_read_one_by_one() -> None:
    with pytest.raises(NotExpandable) as caught:
        find_code_system("http://loinc.org", nothing)
    error = caught.value
    assert error.url == "http://loinc.org"
    assert str(error) == f"{error.reason}; {error.way_out}"
