"""Code systems as graphs, R4's own and stored ones."""

from __future__ import annotations

import pytest

from profiles.definitions import code_systems
from profiles.terminology.code_system import ISO4217, of_r4, of_resource
from tests.fakes.terminology import ANIMALS, EVERY_ANIMAL

V3 = "http://terminology.hl7.org/CodeSystem/v3-"


def test_nesting_and_every_hierarchical_property_make_parents() -> None:
    system = of_resource(ANIMALS)

    assert set(system.concepts) == EVERY_ANIMAL
    assert system.parents == {
        "dog": {"mammal"},
        "bat": {"mammal", "flier"},
        "mammoth": {"mammal"},
        "owl": {"flier", "bird"},
        "dodo": {"bird"},
    }
    assert system.children == {"mammal": {"dog", "bat", "mammoth"}, "flier": {"bat", "owl"}, "bird": {"owl", "dodo"}}


def test_a_circle_ends() -> None:
    rows = [{"code": code, "property": [{"code": "parent", "valueCode": up}]} for code, up in ("ab", "bc", "ca", "da")]
    system = of_resource({**ANIMALS, "concept": rows})

    assert system.below("a") == {"a", "b", "c", "d"}
    assert system.above("d") == {"a", "b", "c", "d"}


def test_properties_keep_every_value_by_name() -> None:
    system = of_resource(ANIMALS)

    assert system.concepts["flier"] == {"child": ("owl", "fairy")}
    assert system.concepts["dog"] == {"legs": (4,), "tame": (True,)}
    assert {"legs", "tame", "like", "status", "inactive"} <= system.declared


def test_retired_and_inactive_concepts_are_inactive() -> None:
    system = of_resource(ANIMALS)

    assert {code for code in EVERY_ANIMAL if system.inactive(code)} == {"mammoth", "dodo"}
    assert not system.inactive("fairy")


@pytest.mark.parametrize(
    ("changes", "subsuming"),
    [
        ({"hierarchyMeaning": "is-a"}, True),
        ({"hierarchyMeaning": "part-of"}, False),
        ({"hierarchyMeaning": "grouped-by"}, False),
        ({"hierarchyMeaning": "classified-with"}, False),
        ({"hierarchyMeaning": None}, True),
        ({"hierarchyMeaning": None, "concept": [{"code": "a"}]}, False),
        ({"hierarchyMeaning": "is-a", "concept": [{"code": "a"}]}, True),
    ],
)
def test_a_hierarchy_means_is_a_when_stated_or_when_nested(changes: dict[str, object], subsuming: bool) -> None:
    assert of_resource({**ANIMALS, **changes}).subsuming is subsuming


def test_r4s_own_systems_keep_second_parents_and_repeated_properties() -> None:
    acts = of_r4(f"{V3}ActCode")

    assert acts is not None
    assert acts.concepts["FFSS"]["child"] == ("FFPS", "FFCS", "TFS")
    assert acts.parents["UD"] == {"RF", "_ActPharmacySupplyType"}
    assert acts.concepts["_ActPharmacySupplyType"]["notSelectable"] == (True,)


def test_currencies_are_a_code_system_and_unknown_urls_are_none() -> None:
    currencies = of_r4(ISO4217)

    assert currencies is not None
    assert "EUR" in currencies.concepts
    assert of_r4("http://loinc.org") is None


def test_no_code_system_of_r4_loses_a_code() -> None:
    for url, definition in code_systems().items():
        system = of_r4(url)
        assert system is not None
        waiting, seen = list(definition.get("concepts", ())), 0
        while waiting:
            row = waiting.pop()
            seen += 1
            waiting.extend(row[2] if len(row) > 2 else ())
        assert len(system.concepts) == seen, url
