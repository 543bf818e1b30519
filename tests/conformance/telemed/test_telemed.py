"""Our own profiles: what is right passes them, R4 and FR Core; what is wrong in one thing is told exactly that."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import pytest

from fhir_server.interactions.judging import ProfileJudge
from profiles.validation.validator import Validator
from tests.fakes.shared import needs_shared_data
from tests.fakes.telemed import BASE, NAMES, Json, france, good, judge, known, plain, profile_of

FRENCH = ("encounter-france",)
NONE = object()


@cache
def home() -> ProfileJudge:
    return judge(known())


@cache
def abroad() -> ProfileJudge:
    return judge(known(*france()))


def errors(resource: Json, judged: ProfileJudge, profile: str) -> list[tuple[str | None, str | None, str]]:
    """Return (element, rule, severity) of everything that is no information."""
    issues = [*Validator().validate(resource), *judged(resource, [profile], True)]
    return [(each.expression, each.rule, each.severity) for each in issues if each.severity != "information"]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FRENCH])
def test_what_is_right_passes_without_a_warning(name: str) -> None:
    assert errors(good(name), home(), profile_of(name)) == []


@needs_shared_data
@pytest.mark.parametrize("name", NAMES)
def test_what_is_right_passes_beside_fr_core_too(name: str) -> None:
    assert errors(good(name), abroad(), profile_of(name)) == []


@needs_shared_data
def test_the_child_of_fr_core_finds_what_its_parents_forbid() -> None:
    encounter = good("encounter-france")
    del encounter["identifier"][0]["type"]
    found = errors(encounter, abroad(), profile_of("encounter-france"))
    assert {(each, rule) for each, rule, _ in found} == {("Encounter.identifier[0].type", "Encounter.identifier.type")}
    office = changed(good("encounter-france"), Bad("", ("priority", "coding", 1, "code"), "A", "", ""))
    found = errors(office, abroad(), profile_of("encounter-france"))
    assert found == [("Encounter.priority", "tel-enc-1", "error")]


def test_without_fr_core_its_child_says_what_it_lacks() -> None:
    (issue,) = home()(good("encounter"), [f"{BASE}/StructureDefinition/telemed-fr-encounter"], False)
    assert "fr-core-encounter|2.2.0 is not known; add the package" in issue.message
    assert f"{BASE}/StructureDefinition/telemed-fr-encounter|0.1.0" not in known().profiles()["Encounter"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_right_is_r4_for_others_too(name: str) -> None:
    resource = plain(name)
    kind = resource["resourceType"]
    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    assert model.model_validate(resource).get_resource_type() == kind


class Bad(NamedTuple):
    """One thing changed in a good example: where, to what, and which element and rule are told of.

    `unknown` is the coding whose code is then in no system either, which is told beside.
    """

    of: str
    where: Sequence[str | int]
    value: Any
    element: str
    rule: str
    unknown: str | None = None


NOTE = "composition"
CATEGORY = {"coding": [{"system": f"{BASE}/CodeSystem/telemed-category", "code": "astrologie"}], "text": "Astrologie"}
EMPTY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "notasked"}]}
SUBJECTIVE, OBJECTIVE = ("section", 0), ("section", 1)
UNHEARD = {"url": "http://example.org/unheard-of", "valueString": "x"}
UNTOLD = {
    "extension": [{"url": f"{BASE}/StructureDefinition/telemed-soap-raw-text", "valueString": "Holter"}],
    "title": "Plan",
    "code": {"coding": [{"system": "http://loinc.org", "code": "18776-5"}]},
    "entry": [{"reference": "CarePlan/1"}],
}
WITHDRAWN = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "withheld"}]}
BAD = (
    Bad(NOTE, ("identifier",), NONE, "Composition.identifier", "Composition.identifier"),
    Bad(NOTE, ("identifier", "system"), NONE, "Composition.identifier.system", "Composition.identifier.system"),
    Bad(NOTE, ("type", "coding", 0, "code"), "34133-9", "Composition.type.coding[0]", "Composition.type.coding:loinc"),
    Bad(
        NOTE,
        ("type", "coding", 1, "code"),
        "letter",
        "Composition.type.coding",
        "Composition.type.coding:kind",
        "Composition.type.coding[1]",
    ),
    Bad(NOTE, ("status",), "preliminary", "Composition", "tel-soap-2"),
    Bad("composition-draft", ("status",), "final", "Composition", "tel-soap-2"),
    Bad(NOTE, ("extension", 1, "valueQuantity", "code"), "mo", "Composition.extension[1].value", "Extension.value[x]"),
    Bad(NOTE, ("meta", "tag", 1, "display"), "À revoir", "Composition", "tel-soap-3"),
    Bad(
        NOTE,
        ("category", 0),
        CATEGORY,
        "Composition.category[0]",
        "Composition.category:record",
        "Composition.category[0].coding[0]",
    ),
    Bad(NOTE, ("category", 0, "text"), NONE, "Composition.category[0].text", "Composition.category:record.text"),
    Bad(NOTE, ("subject",), NONE, "Composition.subject", "Composition.subject"),
    Bad(NOTE, ("subject", "reference"), NONE, "Composition.subject.reference", "Composition.subject.reference"),
    Bad(NOTE, ("subject", "reference"), "Group/all", "Composition.subject", "Composition.subject"),
    Bad(NOTE, ("encounter",), NONE, "Composition.encounter", "Composition.encounter"),
    Bad(NOTE, ("author", 0, "reference"), "Patient/marie-curie", "Composition.author[0]", "Composition.author"),
    Bad(NOTE, ("attester", 0, "time"), NONE, "Composition.attester[0].time", "Composition.attester:legal.time"),
    Bad(NOTE, ("event",), NONE, "Composition.event", "Composition.event"),
    Bad(
        NOTE,
        ("event", 0, "period", "start"),
        NONE,
        "Composition.event[0].period.start",
        "Composition.event.period.start",
    ),
    Bad(NOTE, (*SUBJECTIVE, "extension"), NONE, "Composition.section[0]", "tel-soap-1"),
    Bad(NOTE, (*SUBJECTIVE, "emptyReason"), EMPTY, "Composition.section[0]", "tel-soap-1"),
    Bad(NOTE, (*OBJECTIVE, "emptyReason"), NONE, "Composition.section[1]", "tel-soap-1"),
    Bad(
        NOTE,
        (*OBJECTIVE, "emptyReason"),
        WITHDRAWN,
        "Composition.section[1].emptyReason",
        "Composition.section:objective.emptyReason",
    ),
    Bad(NOTE, (*SUBJECTIVE, "title"), NONE, "Composition.section[0].title", "Composition.section:subjective.title"),
    Bad(
        NOTE,
        (*SUBJECTIVE, "code", "coding", 1, "code"),
        "29545-1",
        "Composition.section[0].code.coding",
        "Composition.section:subjective.code.coding:french",
    ),
    Bad(NOTE, ("section", 3), UNTOLD, "Composition.section[3].text", "Composition.section:plan.text"),
    Bad(NOTE, (*OBJECTIVE, "code", "coding"), SUBJECTIVE, "Composition.section", "Composition.section:subjective"),
    Bad(
        NOTE,
        ("section", 4, "entry", 0, "reference"),
        "Patient/marie-curie",
        "Composition.section[4].entry[0]",
        "Composition.section:attachments.entry",
    ),
    Bad("encounter", ("identifier",), NONE, "Encounter.identifier", "Encounter.identifier"),
    Bad("encounter", ("class", "code"), "IMP", "Encounter.class", "Encounter.class"),
    Bad("encounter", ("priority",), NONE, "Encounter.priority", "Encounter.priority"),
    Bad("encounter", ("priority", "coding", 1, "code"), "R", "Encounter.priority", "tel-enc-1"),
    Bad("encounter", ("participant",), NONE, "Encounter.participant", "Encounter.participant"),
    Bad("encounter", ("period",), NONE, "Encounter.period", "Encounter.period"),
    Bad("encounter", ("period",), {"end": "2026-03-02"}, "Encounter.period.start", "Encounter.period.start"),
    Bad("encounter", ("subject",), NONE, "Encounter.subject", "Encounter.subject"),
    Bad("consent", ("status",), "proposed", "Consent.status", "Consent.status"),
    Bad("consent", ("status",), "inactive", "Consent", "tel-con-2"),
    Bad("consent", ("provision", "type"), "deny", "Consent", "tel-con-1"),
    Bad("consent", ("provision", "period", "end"), "2026-02-01", "Consent", "tel-con-1"),
    Bad("consent", ("provision", "period"), {"extension": [UNHEARD]}, "Consent", "tel-con-1"),
    Bad("consent", ("extension", 0, "valueCode"), "6-1-z", "Consent.extension[0].value", "Extension.value[x]"),
    Bad("consent", ("scope", "coding", 0, "code"), "treatment", "Consent", "tel-con-3"),
    Bad("consent-revoked", ("scope", "coding", 0, "code"), "patient-privacy", "Consent", "tel-con-3"),
    Bad(
        "consent",
        ("category", 1, "coding", 0, "code"),
        "sale",
        "Consent.category[1]",
        "Consent.category:type",
        "Consent.category[1].coding[0]",
    ),
    Bad("consent", ("category", 0, "coding", 0, "code"), "64292-6", "Consent.category", "Consent.category:document"),
    Bad("consent", ("patient",), {"display": "M. C."}, "Consent.patient.reference", "Consent.patient.reference"),
    Bad("consent", ("dateTime",), NONE, "Consent.dateTime", "Consent.dateTime"),
    Bad("consent", ("performer",), NONE, "Consent.performer", "Consent.performer"),
    Bad(
        "consent",
        ("policy", 0, "extension"),
        NONE,
        "Consent.policy[0].extension",
        "Consent.policy.extension:noticeVersion",
    ),
    Bad("consent", ("policy", 0, "uri"), NONE, "Consent.policy[0].uri", "Consent.policy.uri"),
    Bad(
        "notification",
        ("category", 1, "coding", 0, "system"),
        "urn:x",
        "Communication.category",
        "Communication.category:kind",
    ),
    Bad("notification", ("priority",), NONE, "Communication.priority", "Communication.priority"),
    Bad("notification", ("topic",), NONE, "Communication.topic", "Communication.topic"),
    Bad("notification", ("sent",), NONE, "Communication.sent", "Communication.sent"),
    Bad("notification-read", ("received",), "2026-03-01T08:59:59+01:00", "Communication", "tel-not-1"),
    Bad("notification", ("recipient",), NONE, "Communication.recipient", "Communication.recipient"),
    Bad("notification", ("note",), [{"text": "HbA1c 9 %"}], "Communication.note", "Communication.note"),
    Bad("notification", ("reasonCode",), [{"text": "Diabète"}], "Communication.reasonCode", "Communication.reasonCode"),
    Bad(
        "notification",
        ("about", 0, "display"),
        "Diabète",
        "Communication.about[0].display",
        "Communication.about.display",
    ),
    Bad(
        "notification",
        ("payload", 0),
        {"contentReference": {"reference": "Observation/1"}},
        "Communication.payload[0].content",
        "Communication.payload.content[x]",
    ),
)


def changed(resource: Json, bad: Bad) -> Json:
    """Return the example with its one change; a value that is a tuple is the place whose value is taken."""
    *path, last = bad.where
    there: Any = resource
    for step in path:
        there = there[step]
    if bad.value is NONE:
        del there[last]
    else:
        there[last] = resource["section"][0]["code"]["coding"] if bad.value == SUBJECTIVE else bad.value
    return resource


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.of}:{'.'.join(map(str, bad.where))}")
def test_what_is_wrong_in_one_thing_is_told_that(bad: Bad) -> None:
    resource = changed(good(bad.of), bad)
    told = [each for each in errors(resource, home(), profile_of(bad.of)) if each[2] == "error"]
    beside = [] if bad.unknown is None else [(bad.unknown, "code-known", "error")]
    assert sorted(told) == sorted([(bad.element, bad.rule, "error"), *beside])
