"""The tables of codes are one to one, and those of the package."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from mappings.concepts.bijection import bijection, codes, of_concept_map
from mappings.concepts.names import category_code

MAPS = sorted(
    each.name.removeprefix("ConceptMap-").removesuffix(".json")
    for each in files("profiles.data.telemed").iterdir()
    if each.name.startswith("ConceptMap-")
)


@pytest.mark.parametrize("name", MAPS)
def test_every_map_of_the_package_can_be_turned_round(name: str) -> None:
    table = bijection(name)
    assert table.forward
    assert all(table.back[target] == code for code, target in table.forward.items())
    assert len(table.back) == len(table.forward)


def test_the_tables_say_what_is_documented() -> None:
    assert bijection("telemed-priority-act").forward == {"normal": "R", "high": "A", "urgent": "UR"}
    status = bijection("telemed-record-status-composition")
    assert status.back == {"preliminary": "draft", "final": "final", "amended": "amended"}
    assert status.related == {"archived": ("final",)}
    assert bijection("telemed-soap-section-loinc").related["subjective"] == ("10164-2",)


def test_a_map_that_is_not_one_to_one_is_refused() -> None:
    def concept_map(*pairs: tuple[str, str]) -> dict[str, Any]:
        elements = [{"code": a, "target": [{"code": b, "equivalence": "equivalent"}]} for a, b in pairs]
        return {"url": "urn:m", "group": [{"source": "urn:a", "target": "urn:b", "element": elements}]}

    with pytest.raises(ValueError, match="two codes to one"):
        of_concept_map(concept_map(("a", "x"), ("b", "x")))
    with pytest.raises(ValueError, match="translates a twice"):
        of_concept_map(concept_map(("a", "x"), ("a", "y")))


def test_a_category_has_its_code_or_the_one_for_others() -> None:
    assert "cardiologie" in codes("telemed-category")
    assert [category_code(each) for each in ("cardiologie", "Cardiologie ", "")] == ["cardiologie", "autre", "autre"]
