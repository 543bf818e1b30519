"""What is above and below a code, in R4's own hierarchies and in stored ones."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.terminology.errors import NotExpandable
from profiles.terminology.hierarchy import above, below
from tests.fakes.terminology import ANIMALS, SYSTEM, nothing, stored

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (ACT_CODE, "IMP", "IMP ACUTE NONAC"),
        (ACT_CODE, "ACUTE", "ACUTE"),
        (ACT_CODE, "_ActEncounterCode", "_ActEncounterCode AMB EMER FLD HH IMP ACUTE NONAC OBSENC PRENC SS VR"),
        (ACT_CODE, "FF", "FF FFC FFCS FFP FFPS FFS FFSS TF TFS"),
        (ROLE_CODE, "NPRN", "NPRN NFTH NFTHF NMTH NMTHF"),
        (VERIFICATION, "unconfirmed", "unconfirmed provisional differential"),
        ("http://hl7.org/fhir/observation-status", "amended", "amended corrected"),
    ],
)
def test_what_is_below_a_code_of_r4(system: str, code: str, expected: str) -> None:
    assert below(system, code, nothing) == set(expected.split())


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (ACT_CODE, "ACUTE", "ACUTE IMP _ActEncounterCode _ActCareProvisionCode"),
        (ACT_CODE, "UD", "UD RF _ActPharmacySupplyType"),
        (VERIFICATION, "differential", "differential unconfirmed"),
        (VERIFICATION, "confirmed", "confirmed"),
    ],
)
def test_what_is_above_a_code_of_r4(system: str, code: str, expected: str) -> None:
    assert above(system, code, nothing) == set(expected.split())


def test_stored_code_systems_have_hierarchies_with_several_parents() -> None:
    assert below(SYSTEM, "flier", stored(ANIMALS)) == {"flier", "bat", "owl"}
    assert above(SYSTEM, "bat", stored(ANIMALS)) == {"bat", "mammal", "flier"}
    assert above(SYSTEM, "owl", stored(ANIMALS)) == {"owl", "bird", "flier"}


@pytest.mark.parametrize(
    ("system", "changes", "reason"),
    [
        ("http://snomed.info/sct", {}, "the code system http://snomed.info/sct has content 'not-present'"),
        ("http://loinc.org", {}, "the code system http://loinc.org is not known here"),
        (SYSTEM, {"content": "fragment"}, f"the code system {SYSTEM} has content 'fragment'"),
        (SYSTEM, {"compositional": True}, f"the code system {SYSTEM} builds codes by a grammar"),
        (SYSTEM, {"hierarchyMeaning": "part-of"}, f"the code system {SYSTEM} has a hierarchy that means 'part-of'"),
        ("http://hl7.org/fhir/administrative-gender", {}, "has no hierarchy of concepts"),
    ],
)
def test_a_system_without_a_known_is_a_hierarchy_is_refused(system: str, changes: dict[str, Any], reason: str) -> None:
    for ask in (above, below):
        with pytest.raises(NotExpandable) as caught:
            ask(system, "dog", stored({**ANIMALS, **changes}))
        assert reason in caught.value.reason
        assert caught.value.way_out


def test_a_code_that_the_system_does_not_have_is_refused_without_repeating_it() -> None:
    for ask in (above, below):
        with pytest.raises(NotExpandable) as caught:
            ask(SYSTEM, "Jeanne Dupont", stored(ANIMALS))
        assert str(caught.value) == f"the code system {SYSTEM} does not have the code asked for; correct the code"


def test_more_codes_than_the_limit_are_refused() -> None:
    assert len(below(SYSTEM, "mammal", stored(ANIMALS), limit=4)) == 4
    with pytest.raises(NotExpandable, match=f"4 codes of {SYSTEM} fit, more than 3; ask for a code that is closer"):
        below(SYSTEM, "mammal", stored(ANIMALS), limit=3)
