"""The judge over a catalogue: differentials, snapshots, definitions that change, names without end."""

from __future__ import annotations

import json
from typing import Any

from fhir_server.interactions import judging
from fhir_server.interactions.judging import ProfileJudge
from fhir_server.interactions.profiles import CORE
from fhir_server.store.connect import connect
from profiles.packages.catalogue import Catalogue
from profiles.validation.validator import Validator
from tests.fakes.concepts import URL as BEASTS
from tests.fakes.concepts import load
from tests.fakes.packages import profile

NAMED = "http://example.org/fhir/StructureDefinition/our-patient"
PATIENT = {"resourceType": "Patient"}


def demanding(path: str) -> dict[str, Any]:
    """Return a profile whose differential demands one element."""
    return profile(
        differential={"element": [{"id": "Patient", "path": "Patient"}, {"id": path, "path": path, "min": 1}]}
    )


def keep(catalogue: Catalogue, definition: dict[str, Any]) -> None:
    catalogue.keep("our-patient", definition, json.dumps(definition).encode())


def test_a_profile_with_a_differential_alone_is_judged_by() -> None:
    catalogue = Catalogue()
    keep(catalogue, demanding("Patient.name"))
    judge = ProfileJudge(catalogue, Validator())
    (issue,) = judge(PATIENT, [NAMED], False)
    assert (issue.code, issue.profile, issue.rule) == ("required", f"{NAMED}|1.0.0", "Patient.name")
    assert judge({**PATIENT, "name": [{"text": "x"}]}, [NAMED], False) == []


def test_a_change_of_the_definition_is_noticed() -> None:
    catalogue = Catalogue()
    judge = ProfileJudge(catalogue, Validator())
    assert [each.code for each in judge(PATIENT, [NAMED], False)] == ["not-found"]
    keep(catalogue, demanding("Patient.name"))
    assert [each.rule for each in judge(PATIENT, [NAMED], False)] == ["Patient.name"]
    keep(catalogue, demanding("Patient.gender"))
    assert [each.rule for each in judge(PATIENT, [NAMED], False)] == ["Patient.gender"]


def test_claims_are_judged_only_when_asked_for() -> None:
    catalogue = Catalogue()
    keep(catalogue, demanding("Patient.name"))
    judge = ProfileJudge(catalogue, Validator())
    claiming = {**PATIENT, "meta": {"profile": [NAMED]}}
    assert judge(claiming, [], False) == []
    assert [each.rule for each in judge(claiming, [], True)] == ["Patient.name"]


def test_r4_brings_its_types_and_profiles_along() -> None:
    judge = ProfileJudge(Catalogue(), Validator())
    assert judge(PATIENT, [CORE + "Patient"], False) == []
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    rules = {each.rule for each in judge(observation, [CORE + "vitalsigns"], False) if each.is_error}
    assert "Observation.subject" in rules


def test_ever_new_names_do_not_fill_the_memory() -> None:
    judge = ProfileJudge(Catalogue(), Validator())
    for number in range(judging.KEPT + 10):
        judge(PATIENT, [f"http://example.org/{number}"], False)
    assert len(judge._context.profiles) <= judging.KEPT + 1
    assert len(judge._made) <= judging.KEPT + 1


async def test_bindings_are_about_loaded_code_systems_too() -> None:
    store = await connect("memory:")
    await load(store)
    catalogue = Catalogue()
    birds = {"system": BEASTS, "filter": [{"property": "concept", "op": "is-a", "value": "bird"}]}
    value_set = {"resourceType": "ValueSet", "id": "birds", "url": f"{NAMED}/birds", "status": "active"}
    whole = {**value_set, "compose": {"include": [birds]}}
    catalogue.keep("birds", whole, json.dumps(whole).encode())
    bound = {"id": "Patient.maritalStatus", "path": "Patient.maritalStatus"}
    binding = {"strength": "required", "valueSet": f"{NAMED}/birds"}
    definition = profile(
        differential={"element": [{"id": "Patient", "path": "Patient"}, {**bound, "binding": binding}]}
    )
    catalogue.keep("our-patient", definition, json.dumps(definition).encode())
    judge = ProfileJudge(catalogue, Validator(), store.concepts)

    def judged(code: str) -> list[str]:
        coding = {"coding": [{"system": BEASTS, "code": code}]}
        return [each.code for each in judge({**PATIENT, "maritalStatus": coding}, [NAMED], False) if each.is_error]

    assert judged("bat") == []
    assert judged("Dog") == ["code-invalid"]
    await load(store, edges=[("Dog", "bird")])
    assert (judged("bat"), judged("Dog")) == (["code-invalid"], [])
    await store.close()
