"""Definitions bent in any way give findings with names, never another exception, and never an end without end."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from decimal import Decimal
from random import Random
from time import process_time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhir_server.interactions.judging import ProfileJudge
from fhir_server.interactions.profiles import judged
from profiles.packages.catalogue import Catalogue
from profiles.packages.package import PackageError
from profiles.packages.read_package import read_package
from profiles.snapshot.core import core_resolve
from profiles.snapshot.errors import SnapshotError
from profiles.snapshot.snapshot import snapshot
from profiles.terminology.errors import NotExpandable
from profiles.terminology.expand import expand
from profiles.validation.validator import Validator
from tests.properties.test_validation_agrees import bend

Json = dict[str, Any]

MINE = "http://example.org/fhir/"
R4 = "http://hl7.org/fhir/StructureDefinition/"
PATIENT: Json = {
    "resourceType": "Patient",
    "identifier": [{"system": MINE + "a", "value": "1"}, {"value": "2"}],
    "name": [{"family": "a", "given": ["b", "c"]}],
    "gender": "male",
    "extension": [{"url": MINE + "StructureDefinition/bent", "valueString": "x"}],
    "maritalStatus": {"coding": [{"system": MINE + "CodeSystem/bent", "code": "a"}]},
}
SECONDS = 10
"""Of processor time: nothing that is bent may take longer."""


def profile(name: str, base: str, *elements: Json, **facts: Any) -> Json:
    return {
        "resourceType": "StructureDefinition",
        "url": f"{MINE}StructureDefinition/{name}",
        "name": "Bent",
        "status": "draft",
        "kind": "resource",
        "abstract": False,
        "type": "Patient",
        "baseDefinition": base,
        "derivation": "constraint",
        "differential": {"element": [{"id": "Patient", "path": "Patient"}, *elements]},
        **facts,
    }


SLICING = {"discriminator": [{"type": "value", "path": "system"}], "rules": "closed", "ordered": True}
RULE = {"key": "a-1", "severity": "error", "human": "a", "expression": "name.given.all(matches('^(a+)+$'))"}
BOUND = {"strength": "required", "valueSet": MINE + "ValueSet/bent"}
PROFILE = profile(
    "bent",
    R4 + "Patient",
    {"id": "Patient.identifier", "path": "Patient.identifier", "slicing": SLICING, "min": 1},
    {"id": "Patient.identifier:a", "path": "Patient.identifier", "sliceName": "a", "max": "1"},
    {"id": "Patient.identifier:a.system", "path": "Patient.identifier.system", "min": 1, "fixedUri": MINE + "a"},
    {"id": "Patient.name", "path": "Patient.name", "constraint": [RULE], "mustSupport": True},
    {"id": "Patient.name.given", "path": "Patient.name.given", "maxLength": 3, "patternString": "b"},
    {"id": "Patient.maritalStatus", "path": "Patient.maritalStatus", "binding": BOUND},
    {
        "id": "Patient.generalPractitioner",
        "path": "Patient.generalPractitioner",
        "type": [{"code": "Reference", "targetProfile": [MINE + "StructureDefinition/bent"]}],
    },
)
VALUE_SET: Json = {
    "resourceType": "ValueSet",
    "url": MINE + "ValueSet/bent",
    "status": "draft",
    "compose": {
        "include": [
            {"system": MINE + "CodeSystem/bent", "filter": [{"property": "concept", "op": "is-a", "value": "a"}]},
            {"system": MINE + "CodeSystem/bent", "concept": [{"code": "a", "display": "A"}]},
            {"valueSet": ["http://hl7.org/fhir/ValueSet/administrative-gender"]},
        ],
        "exclude": [{"system": MINE + "CodeSystem/bent", "concept": [{"code": "b"}]}],
    },
}
CODE_SYSTEM: Json = {
    "resourceType": "CodeSystem",
    "url": MINE + "CodeSystem/bent",
    "status": "draft",
    "content": "complete",
    "hierarchyMeaning": "is-a",
    "property": [{"code": "parent", "type": "code"}],
    "concept": [
        {"code": "a", "display": "A", "concept": [{"code": "b", "designation": [{"value": "B", "language": "fr"}]}]},
        {"code": "c", "property": [{"code": "parent", "valueCode": "a"}]},
    ],
}
CONCEPT_MAP: Json = {
    "resourceType": "ConceptMap",
    "url": MINE + "ConceptMap/bent",
    "status": "draft",
    "group": [
        {
            "source": MINE + "CodeSystem/bent",
            "target": MINE + "CodeSystem/other",
            "element": [{"code": "a", "target": [{"code": "x", "equivalence": "equal"}]}],
            "unmapped": {"mode": "fixed", "code": "y"},
        }
    ],
}
SEEDS = {"StructureDefinition": PROFILE, "ValueSet": VALUE_SET, "CodeSystem": CODE_SYSTEM, "ConceptMap": CONCEPT_MAP}


def bent(kind: str, data: st.DataObject) -> Json:
    """Return the definition of a type with up to six places changed, still of that type and url."""
    made = copy.deepcopy(SEEDS[kind])
    random = Random(data.draw(st.integers(0, 2**32)))
    for _ in range(data.draw(st.integers(1, 6))):
        bend(made, random, data.draw)
    return {**made, "resourceType": kind, "url": SEEDS[kind]["url"]}


def catalogue_of(*definitions: Json) -> Catalogue:
    catalogue = Catalogue()
    for number, each in enumerate(definitions):
        catalogue.keep(str(number), each, json.dumps(each, default=number_of).encode())
    return catalogue


def number_of(value: Decimal) -> int | str:
    return int(value) if value.is_finite() and abs(value) < 10**6 else str(value)


def judge_of(*definitions: Json) -> tuple[Validator, ProfileJudge]:
    validator = Validator(strict=True)
    return validator, ProfileJudge(catalogue_of(*definitions), validator)


def said(*definitions: Json) -> list[str]:
    """Return what is said of the patient by the definitions."""
    validator, judge = judge_of(*definitions)
    started = process_time()
    issues = judged(copy.deepcopy(PATIENT), [PROFILE["url"]], validator=validator, judge=judge)
    assert process_time() - started < SECONDS
    assert all(each.message and each.code for each in issues)
    return [each.message for each in issues if each.is_error]


bending = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@bending
@given(st.data(), st.sampled_from(sorted(SEEDS)))
def test_a_bent_definition_is_validated(data: st.DataObject, kind: str) -> None:
    made = bent(kind, data)
    validator, judge = judge_of()
    assert all(each.message for each in judged(made, (), validator=validator, judge=judge))


@bending
@given(st.data())
def test_a_bent_profile_has_a_snapshot_or_a_named_reason(data: st.DataObject) -> None:
    made = bent("StructureDefinition", data)
    with suppress(SnapshotError):
        snapshot(made, lambda url: made if url.partition("|")[0] == made["url"] else core_resolve(url))


@bending
@given(st.data())
def test_bent_definitions_are_judged_by(data: st.DataObject) -> None:
    said(*(bent(kind, data) for kind in SEEDS))


@bending
@given(st.data())
def test_a_bent_snapshot_is_judged_by(data: st.DataObject) -> None:
    made = {name: snapshot(PROFILE, core_resolve)[name] for name in ("resourceType", "snapshot")}
    made = copy.deepcopy(made)
    random = Random(data.draw(st.integers(0, 2**32)))
    for _ in range(data.draw(st.integers(1, 10))):
        bend(made, random, data.draw)
    said({**PROFILE, **made, "resourceType": "StructureDefinition"}, VALUE_SET, CODE_SYSTEM)


@bending
@given(st.data())
def test_bent_value_sets_are_expanded_or_refused(data: st.DataObject) -> None:
    catalogue = catalogue_of(bent("ValueSet", data), bent("CodeSystem", data))
    with suppress(NotExpandable):
        expand(VALUE_SET["url"], catalogue.resolve, 1_000)


@bending
@given(st.data())
def test_bent_packages_are_read_or_refused(data: st.DataObject) -> None:
    manifest: Json = {"resourceType": "Basic", "name": "a.b", "version": "1.0.0", "fhirVersions": ["4.0.1"]}
    random = Random(data.draw(st.integers(0, 2**32)))
    if data.draw(st.booleans()):
        bend(manifest, random, data.draw)
    entries = [("package/package.json", json.dumps(manifest, default=str).encode())]
    for kind in SEEDS:
        body = json.dumps(bent(kind, data), default=str).encode()
        entries.append((data.draw(st.sampled_from(["package/a.json", "package/b.json", "package/../c.json"])), body))
    with suppress(PackageError):
        read_package(entries)


CIRCLE = MINE + "StructureDefinition/circle"
GIVEN = {"id": "Patient.name.given", "path": "Patient.name.given"}
GENDER = {"id": "Patient.gender", "path": "Patient.gender"}
BASED_ON_R4 = R4 + "Patient"


def ruled(expression: str) -> Json:
    """Return a profile with one rule on given names."""
    return profile("bent", BASED_ON_R4, {**GIVEN, "constraint": [{**RULE, "expression": expression}]})


@pytest.mark.parametrize(
    ("definitions", "words"),
    [
        ([profile("bent", CIRCLE), profile("circle", PROFILE["url"])], "cannot be used"),
        ([profile("bent", PROFILE["url"])], "cannot be used"),
        ([profile("bent", MINE + "missing")], "cannot be used"),
        ([profile("bent", BASED_ON_R4, {**GENDER, "max": "2"})], "cannot be used"),
        ([ruled("'a'.replace('', 'a') = 'b'")], "breaks"),
        ([ruled(f"{'a' * 40!r}.matches('(a|aa)+$b')")], "takes longer"),
        ([ruled("repeat($this | 'a' & $this).empty()")], "could not be checked"),
        ([ruled("%resource.descendants()" + ".select(%resource.descendants())" * 9)], "could not be checked"),
    ],
    ids=["circle", "itself", "no-base", "contradiction", "no-boolean", "regular-expression", "repeat", "product"],
)
def test_what_is_wrong_with_a_definition_is_named(definitions: list[Json], words: str) -> None:
    assert any(words in each for each in said(*definitions)), said(*definitions)


def test_a_value_set_of_itself_is_named() -> None:
    circle = {**VALUE_SET, "compose": {"include": [{"valueSet": [VALUE_SET["url"]]}]}}
    with pytest.raises(NotExpandable, match="itself"):
        expand(circle["url"], lambda url: circle)
