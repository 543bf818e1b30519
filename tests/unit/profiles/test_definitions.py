"""The compiled definitions hold what the R4 4.0.1 package holds, counted and sampled from the specification."""

from __future__ import annotations

import pytest

from profiles import definitions


def test_there_are_146_concrete_resource_types() -> None:
    assert len(definitions.resource_types()) == 146
    assert definitions.is_resource_type("Patient")
    assert not definitions.is_resource_type("DomainResource")
    assert not definitions.is_resource_type("HumanName")


def test_the_counts_of_the_package_are_kept() -> None:
    assert len(definitions.search_parameters()) == 1400
    assert len(definitions.constraint_names()) == 248
    assert len(definitions.compartments()) == 5
    assert len(definitions.operations()) == 47
    assert len(definitions.value_sets()) == 1316
    assert len(definitions.code_systems()) == 1062


def test_every_type_of_every_element_is_defined() -> None:
    known = definitions.type_names()
    unknown = set()
    for name in known:
        stack = [definitions.structure(name).root]
        while stack:
            element = stack.pop()
            stack.extend(element.children)
            unknown |= {t.code for t in element.types if t.code not in known}
    assert unknown <= {"System.String"}


def test_observation_value_is_a_choice_of_eleven_types() -> None:
    value = definitions.at("Observation", "value[x]")
    assert value.choice
    assert not value.repeats
    assert list(value.json_names()) == [
        "valueQuantity",
        "valueCodeableConcept",
        "valueString",
        "valueBoolean",
        "valueInteger",
        "valueRange",
        "valueRatio",
        "valueSampledData",
        "valueTime",
        "valueDateTime",
        "valuePeriod",
    ]


def test_cardinality_binding_and_flags_come_from_the_standard() -> None:
    status = definitions.at("Observation", "status")
    assert (status.min, status.max) == (1, 1)
    assert status.strength == "required"
    assert status.value_set == "http://hl7.org/fhir/ValueSet/observation-status|4.0.1"
    assert status.modifier
    assert status.summary
    category = definitions.at("Observation", "category")
    assert category.max == definitions.UNBOUNDED
    assert category.strength == "preferred"


def test_a_content_reference_names_the_element_it_repeats() -> None:
    assert definitions.at("Bundle", "entry.link").content == "link"
    assert definitions.at("Questionnaire", "item.item").content == "item"


def test_references_know_their_targets() -> None:
    subject = definitions.at("Observation", "subject").types[0]
    assert subject.code == "Reference"
    assert set(subject.targets) == {"Patient", "Group", "Device", "Location"}


def test_one_key_for_two_rules_gives_two_constraints() -> None:
    rules = {n: definitions.constraint(n) for n in definitions.constraint_names() if n.partition("~")[0] == "inv-1"}
    assert len(rules) == 5
    assert {rule.key for rule in rules.values()} == {"inv-1"}
    assert len({rule.expression for rule in rules.values()}) == 5


def test_the_invariants_of_an_observation_are_named_on_its_elements() -> None:
    assert {"obs-6", "obs-7", "dom-2", "dom-3", "dom-4", "dom-5", "dom-6"} == set(
        definitions.structure("Observation").root.constraints
    )
    assert "obs-3" in definitions.at("Observation", "referenceRange").constraints
    assert definitions.constraint("obs-6").severity == "error"


def test_ancestors_lead_to_element_and_resource() -> None:
    assert definitions.ancestors("Age") == ("Age", "Quantity", "Element")
    assert definitions.ancestors("Patient") == ("Patient", "DomainResource", "Resource")
    assert definitions.is_a("positiveInt", "integer")
    assert not definitions.is_a("string", "integer")


def test_compartments_name_parameters_that_exist() -> None:
    codes = {(base, p.code) for p in definitions.search_parameters() for base in p.base}
    for rows in definitions.compartments().values():
        for type_name, parameters in rows.items():
            for code in parameters:
                assert code == "{def}" or (type_name, code) in codes, (type_name, code)


def test_compartments_are_the_standard_ones_and_not_its_example() -> None:
    sizes = {name: len(rows) for name, rows in definitions.compartments().items()}
    assert set(sizes) == {"Patient", "Encounter", "RelatedPerson", "Practitioner", "Device"}
    assert sizes["Device"] == 32
    assert definitions.compartments()["Patient"]["Observation"] == ("subject", "performer")


def test_code_systems_keep_codes_displays_and_hierarchy() -> None:
    gender = definitions.code_systems()["http://hl7.org/fhir/administrative-gender"]
    assert [concept[0] for concept in gender["concepts"]] == ["male", "female", "other", "unknown"]
    assert gender["caseSensitive"] is True
    issue_type = definitions.code_systems()["http://hl7.org/fhir/issue-type"]
    invalid = next(concept for concept in issue_type["concepts"] if concept[0] == "invalid")
    assert "required" in [child[0] for child in invalid[2]]


def test_an_unknown_type_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        definitions.structure("Patientt")
