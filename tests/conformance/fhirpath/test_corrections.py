"""Corrections of 4.0.1: each names what exists, differs from what is published, says why, and is applied."""

from __future__ import annotations

import gzip
from importlib.resources import files
from typing import Any

import msgspec

from profiles import definitions
from profiles.fhirpath.engine import compile_expression


def published(name: str) -> Any:
    return msgspec.json.decode(gzip.decompress(files("profiles.data").joinpath(f"{name}.json.gz").read_bytes()))


def test_invariants_are_corrected_with_reasons() -> None:
    rules = published("structures")["constraints"]
    for name, correction in definitions.corrections()["invariants"].items():
        assert set(correction) == {"expression", "reason"}
        assert correction["reason"].endswith(".")
        assert correction["expression"] != rules[name]["expression"]
        assert definitions.constraint(name).expression == correction["expression"]
        compile_expression(correction["expression"], lenient=True)


def test_invariants_without_a_correction_are_as_published() -> None:
    corrected = definitions.corrections()["invariants"]
    for name, rule in published("structures")["constraints"].items():
        if name not in corrected:
            assert definitions.constraint(name).expression == rule.get("expression", "")


def test_search_parameters_are_corrected_with_reasons() -> None:
    rows = {row["url"]: row for row in published("search_parameters")}
    found = {each.url: each for each in definitions.search_parameters()}
    for url, correction in definitions.corrections()["searchParameters"].items():
        assert correction["reason"].endswith(".")
        assert set(correction) - {"reason"} in ({"expression"}, {"components"})
        if "expression" in correction:
            assert found[url].expression == correction["expression"] != rows[url]["expression"]
        for wrong, right in correction.get("components", {}).items():
            assert wrong in [part["expression"] for part in rows[url]["component"]]
            assert right in [text for _, text in found[url].components]


def test_a_corrected_extension_parameter_finds_the_value() -> None:
    by_url = {each.url: each for each in definitions.search_parameters()}
    parameter = by_url["http://hl7.org/fhir/SearchParameter/patient-extensions-Patient-mothersMaidenName"]
    url = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"
    patient = {"resourceType": "Patient", "extension": [{"url": url, "valueString": "Windsor"}]}
    assert compile_expression(parameter.expression, lenient=True).evaluate(patient) == ["Windsor"]
    variant = {
        "resourceType": "Observation",
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/observation-geneticsVariant",
                "extension": [{"url": "Name", "valueCodeableConcept": {"text": "c.123A>G"}}],
            }
        ],
    }
    dna = by_url["http://hl7.org/fhir/SearchParameter/observation-genetic-Observation-dna-variant"]
    assert compile_expression(dna.expression, root="Observation", lenient=True).evaluate(variant) == ["c.123A>G"]
