"""Snapshots: slices, choices, types spelled out, derivations."""

from __future__ import annotations

from profiles.snapshot.core import core_structure
from tests.unit.profiles.snapshot.definitions import MINE, R4, generated, profile

SLICED = {
    "path": "Patient.identifier",
    "slicing": {"discriminator": [{"type": "value", "path": "system"}], "rules": "open"},
}
INS = {"path": "Patient.identifier", "sliceName": "INS", "min": 1, "max": "1"}
SYSTEM = {"path": "Patient.identifier.system", "fixedUri": "urn:oid:1.2"}


def test_slices_found_by_order_get_official_ids() -> None:
    made = generated(profile("Patient", {"path": "Patient"}, SLICED, INS, SYSTEM))
    assert made["Patient.identifier:INS"]["min"] == 1
    assert made["Patient.identifier:INS.system"]["fixedUri"] == "urn:oid:1.2"
    assert made["Patient.identifier:INS.system"]["base"] == {"path": "Identifier.system", "min": 0, "max": "1"}
    assert "fixedUri" not in made.get("Patient.identifier.system", {})


def test_a_slice_of_a_slice_stands_behind_it_and_begins_as_it() -> None:
    again = {"path": "Patient.identifier", "sliceName": "INS/test"}
    other = {"path": "Patient.identifier", "sliceName": "B"}
    first = profile("Patient", SLICED, {**INS, "max": "*"}, SYSTEM, other, name="first")
    made = generated(profile("Patient", again, base=MINE + "first"), first)
    names = [key.partition(":")[2] for key in made if key.startswith("Patient.identifier:") and "." not in key[8:]]
    assert names == ["INS", "INS/test", "B"]
    assert made["Patient.identifier:INS/test.system"]["fixedUri"] == "urn:oid:1.2"
    assert made["Patient.identifier:INS/test"]["min"] == 0


def test_the_shortcut_of_a_choice_leaves_that_type_alone() -> None:
    made = generated(profile("Observation", {"path": "Observation.valueQuantity", "min": 1}))
    assert made["Observation.value[x]"]["type"] == [{"code": "Quantity"}]
    assert made["Observation.value[x]"]["slicing"]["rules"] == "closed"
    assert made["Observation.value[x]:valueQuantity"]["path"] == "Observation.value[x]"
    assert made["Observation.value[x]:valueQuantity"]["min"] == 1


def test_a_named_type_slice_leaves_the_other_types() -> None:
    made = generated(profile("Observation", {"path": "Observation.value[x]", "sliceName": "valueString"}))
    assert made["Observation.value[x]:valueString"]["type"] == [{"code": "string"}]
    assert len(made["Observation.value[x]"]["type"]) == 11
    assert made["Observation.value[x]"]["slicing"]["discriminator"] == [{"type": "type", "path": "$this"}]


def test_extensions_are_sliced_by_url_and_take_the_cardinality_of_their_definition() -> None:
    entry = {"code": "Extension", "profile": [R4 + "patient-birthPlace"]}
    made = generated(profile("Patient", {"path": "Patient.extension", "sliceName": "place", "type": [entry]}))
    assert made["Patient.extension"]["slicing"]["discriminator"] == [{"type": "value", "path": "url"}]
    assert made["Patient.extension:place"]["max"] == "1"


def test_a_content_reference_is_spelled_out_when_something_below_it_is_constrained() -> None:
    made = generated(profile("Observation", {"path": "Observation.component.referenceRange.text", "min": 1}))
    assert made["Observation.component.referenceRange.text"]["min"] == 1
    assert "contentReference" not in made["Observation.component.referenceRange"]
    assert made["Observation.component.referenceRange"]["type"] == [{"code": "BackboneElement"}]


def test_constraints_add_up_over_levels_with_their_source() -> None:
    rule = {"key": "a-1", "severity": "error", "human": "x", "expression": "true"}
    first = profile("Patient", {"path": "Patient", "constraint": [rule]}, name="first")
    second = profile("Patient", {"path": "Patient", "constraint": [{**rule, "key": "b-1"}]}, base=MINE + "first")
    found = [(each["key"], each["source"]) for each in generated(second, first)["Patient"]["constraint"]]
    assert found[-2:] == [("a-1", MINE + "first"), ("b-1", MINE + "p")]


def test_a_supplied_snapshot_is_used_when_the_base_is_unknown() -> None:
    supplied = {"element": [{"id": "Patient", "path": "Patient", "min": 0, "max": "*"}]}
    assert list(generated(profile("Patient", base="http://no.where", snapshot=supplied))) == ["Patient"]


def test_r4s_blood_pressure_is_generated_over_vital_signs() -> None:
    made = {each["id"]: each for each in core_structure("bp")["snapshot"]["element"]}
    assert made["Observation.component:SystolicBP.code.coding:SBPCode.code"]["fixedCode"] == "8480-6"
    assert made["Observation.component:SystolicBP.value[x].code"]["fixedCode"] == "mm[Hg]"
    assert made["Observation.category:VSCat.coding.code"]["fixedCode"] == "vital-signs"
    assert made["Observation.component"]["min"] == 2
