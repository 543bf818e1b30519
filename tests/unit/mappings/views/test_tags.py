"""Tags: their order and every letter, and codes by which a search finds exactly one of them."""

from __future__ import annotations

from itertools import combinations

from mappings.views.tags import read_tags, tag_code, write_tags
from profiles.datatypes.primitives import matches
from tests.fakes.foreign_notes import note
from tests.fakes.telemed import good

TAGS = ("hta", " hta", "hta ", "a  b", "a b", "%20hta", "é", "a\tb", "a\u00a0b", "à, |b", "\r\n.")


def test_every_tag_has_a_code_of_its_own_that_is_one() -> None:
    assert all(matches("code", tag_code(each)) for each in TAGS)
    assert all(tag_code(one) != tag_code(other) for one, other in combinations(TAGS, 2))
    assert (tag_code("hta"), tag_code("à revoir")) == ("hta", "à revoir")


def test_tags_keep_their_order_and_those_of_other_systems_stay() -> None:
    other = {"system": "urn:x", "code": "y"}
    composition = note(meta={"tag": [other]})
    write_tags({"Composition": [composition]}, ["b", "a", "b"])
    assert read_tags({"Composition": [composition]}) == ["b", "a", "b"]
    assert [each["code"] for each in composition["meta"]["tag"]] == ["y", "b", "a"]
    write_tags({"Composition": [composition]}, [])
    assert (composition["meta"], "extension" in composition) == ({"tag": [other]}, False)


def test_a_code_that_others_have_chosen_stays() -> None:
    composition = good("composition")
    write_tags({"Composition": [composition]}, [" À revoir ", "neu"])
    assert [each["code"] for each in composition["meta"]["tag"]] == ["a-revoir", "neu"]


def test_tags_without_our_extension_are_those_of_meta() -> None:
    system = "urn:fhir-health-server:telemed/tag"
    composition = note(
        meta={"tag": [{"system": system, "code": "hta", "display": "HTA"}, {"system": system, "code": "x"}]}
    )
    assert read_tags({"Composition": [composition]}) == ["HTA", "x"]
