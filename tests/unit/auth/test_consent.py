"""What a Consent decides: the situations of IHE Privacy Consent on FHIR as a table, and what is not understood.

Each situation is a Consent of the kind that the guide describes, a version of the patient's data and somebody who asks
for a purpose; who asks has a care relation by an appointment unless the situation is about the relation itself.
"""

from __future__ import annotations

from typing import Any

import pytest

from auth.consent import SECONDARY, Meaning, is_granted, kind_of, meaning_of
from fhir_server.search.match import Candidate
from fhir_server.search.match_rule import is_refused, is_related
from profiles.datatypes.temporal import date_range
from profiles.restriction import Consented, Related

Json = dict[str, Any]
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
NOW = date_range("2022-10-01")[0]
CARE = [{"system": REASON, "code": code} for code in ("TREAT", "HPAYMT", "HOPERAT")]


def consent(provision: Json, **more: Any) -> Json:
    return {
        "resourceType": "Consent",
        "id": "c",
        "status": "active",
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
        },
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/p"},
        "provision": provision,
        **more,
    }


def permit(**more: Any) -> Json:
    return {"type": "permit", "purpose": CARE, **more}


def data(meaning: str, *references: str) -> list[Json]:
    return [{"meaning": meaning, "reference": {"reference": each}} for each in references]


def labels(*codes: str) -> list[Json]:
    return [{"system": CONFIDENTIALITY if len(code) == 1 else ACT, "code": code} for code in codes]


def recipient(reference: str) -> list[Json]:
    return [{"role": {"text": "recipient"}, "reference": {"reference": reference}}]


def version(
    id: str = "o",
    *,
    author: str = "Practitioner/d",
    year: int = 2022,
    encounter: str = "e",
    type: str = "Observation",
    label: str = "",
) -> Candidate:
    system = CONFIDENTIALITY if len(label) == 1 else ACT
    owners = [("Patient", "p"), ("Encounter", encounter)]
    marked = [(system, label)] if label else []
    return Candidate(type, id, date_range(f"{year}-06-01")[0], author, owners, marked, None, ["p"])


PLAIN = version()
YEAR = {"dataPeriod": {"start": "2022-01", "end": "2022-12"}}

# The provision of the consent, the data, who asks and for what, and whether consent lets it through.
SITUATIONS: dict[str, tuple[Json, Candidate, str, str, bool]] = {
    "treat": (permit(), PLAIN, "d", "TREAT", True),
    "treat, payment": (permit(), PLAIN, "d", "HPAYMT", True),
    "treat, research": (permit(), PLAIN, "d", "HRESCH", False),
    "reject": ({"type": "deny", "purpose": CARE}, PLAIN, "d", "TREAT", False),
    "reject, another purpose": ({"type": "deny", "purpose": CARE}, PLAIN, "d", "HRESCH", True),
    "reject everything": ({"type": "deny"}, PLAIN, "d", "HRESCH", False),
    "expired, so the default": (permit(period={"end": "2022-09-30"}), PLAIN, "d", "HRESCH", True),
    "expired rejection": ({"type": "deny", "period": {"end": "2022-09-30"}}, PLAIN, "d", "TREAT", True),
    "not begun": ({"type": "deny", "period": {"start": "2022-10-02"}}, PLAIN, "d", "TREAT", True),
    "the last day": ({"type": "deny", "period": {"end": "2022-10-01"}}, PLAIN, "d", "TREAT", False),
    "timeframe, inside": (permit(**YEAR), version(year=2022), "d", "TREAT", True),
    "timeframe, before": (permit(**YEAR), version(year=2021), "d", "TREAT", False),
    "timeframe, after": (permit(**YEAR), version(year=2023), "d", "TREAT", False),
    "not timeframe, inside": (permit(provision=[{"type": "deny", **YEAR}]), version(year=2022), "d", "TREAT", False),
    "not timeframe, outside": (permit(provision=[{"type": "deny", **YEAR}]), version(year=2021), "d", "TREAT", True),
    "authored by": (
        permit(data=data("authoredby", "Practitioner/x")),
        version(author="Practitioner/x"),
        "d",
        "TREAT",
        True,
    ),
    "authored by another": (permit(data=data("authoredby", "Practitioner/x")), PLAIN, "d", "TREAT", False),
    "not authored by": (
        permit(provision=[{"type": "deny", "data": data("authoredby", "Practitioner/x")}]),
        version(author="Practitioner/x"),
        "d",
        "TREAT",
        False,
    ),
    "not authored by, another": (
        permit(provision=[{"type": "deny", "data": data("authoredby", "Practitioner/x")}]),
        PLAIN,
        "d",
        "TREAT",
        True,
    ),
    "encounter": (permit(data=data("related", "Encounter/e")), PLAIN, "d", "TREAT", True),
    "another encounter": (permit(data=data("related", "Encounter/x")), PLAIN, "d", "TREAT", False),
    "not encounter": (
        permit(provision=[{"type": "deny", "data": data("related", "Encounter/e")}]),
        PLAIN,
        "d",
        "TREAT",
        False,
    ),
    "not another encounter": (
        permit(provision=[{"type": "deny", "data": data("related", "Encounter/x")}]),
        PLAIN,
        "d",
        "TREAT",
        True,
    ),
    "data": (permit(data=data("instance", "Observation/o", "Condition/c")), PLAIN, "d", "TREAT", True),
    "other data": (permit(data=data("instance", "Observation/x")), PLAIN, "d", "TREAT", False),
    "not data": (
        permit(provision=[{"type": "deny", "data": data("instance", "Observation/o")}]),
        PLAIN,
        "d",
        "TREAT",
        False,
    ),
    "not other data": (
        permit(provision=[{"type": "deny", "data": data("instance", "Observation/x")}]),
        PLAIN,
        "d",
        "TREAT",
        True,
    ),
    "purpose": (
        {"type": "permit", "purpose": [{"system": "http://example.org/use", "code": "FooBar"}]},
        PLAIN,
        "d",
        "http://example.org/use|FooBar",
        True,
    ),
    "another purpose": (
        {"type": "permit", "purpose": [{"system": "http://example.org/use", "code": "FooBar"}]},
        PLAIN,
        "d",
        "HRESCH",
        False,
    ),
    "normal": (permit(securityLabel=labels("N")), version(label="N"), "d", "TREAT", True),
    "normal, restricted data": (permit(securityLabel=labels("N")), version(label="R"), "d", "TREAT", False),
    "normal and restricted": (permit(securityLabel=labels("N", "R")), version(label="R"), "d", "TREAT", True),
    "normal, not restricted": (
        permit(securityLabel=labels("N"), provision=[{"type": "deny", "securityLabel": labels("R")}]),
        version(label="R"),
        "d",
        "TREAT",
        False,
    ),
    "focused on mental health, for the one": (
        permit(
            securityLabel=labels("N"),
            provision=[{"type": "permit", "securityLabel": labels("PSY"), "actor": recipient("Practitioner/d")}],
        ),
        version(label="PSY"),
        "d",
        "TREAT",
        True,
    ),
    "focused on mental health, for another": (
        permit(
            securityLabel=labels("N"),
            provision=[{"type": "permit", "securityLabel": labels("PSY"), "actor": recipient("Practitioner/d")}],
        ),
        version(label="PSY"),
        "x",
        "TREAT",
        False,
    ),
    "dissent but for one": (
        {"type": "deny", "provision": [{"type": "permit", "actor": recipient("Practitioner/d")}]},
        PLAIN,
        "d",
        "TREAT",
        True,
    ),
    "dissent, not that one": (
        {"type": "deny", "provision": [{"type": "permit", "actor": recipient("Practitioner/d")}]},
        PLAIN,
        "x",
        "TREAT",
        False,
    ),
    "dissent but for emergencies": (
        {"type": "deny", "provision": [{"type": "permit", "purpose": [{"system": REASON, "code": "BTG"}]}]},
        PLAIN,
        "d",
        "BTG",
        True,
    ),
    "dissent towards one": ({"type": "deny", "actor": recipient("Practitioner/d")}, PLAIN, "d", "TREAT", False),
    "dissent towards another": ({"type": "deny", "actor": recipient("Practitioner/x")}, PLAIN, "d", "TREAT", True),
    "dissent for a kind of data": (
        {"type": "deny", "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]},
        PLAIN,
        "d",
        "TREAT",
        False,
    ),
    "dissent for another kind": (
        {"type": "deny", "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}]},
        PLAIN,
        "d",
        "TREAT",
        True,
    ),
    "dissent to collecting": (
        {"type": "deny", "action": [{"coding": [{"code": "collect"}]}]},
        PLAIN,
        "d",
        "TREAT",
        True,
    ),
}


def passes(meaning: Meaning, seen: Candidate, who: str, purpose: str) -> bool:
    asked = Consented((f"Practitioner/{who}",), purpose, NOW, (f"Practitioner/{who}",))
    return not is_refused(asked, meaning.rules, seen)


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_situations_of_privacy_consent(name: str) -> None:
    provision, seen, who, purpose, allowed = SITUATIONS[name]
    assert passes(meaning_of(consent(provision), role_of={}), seen, who, purpose) is allowed


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive", "entered-in-error"])
def test_only_an_active_consent_decides(status: str) -> None:
    assert meaning_of(consent({"type": "deny"}, status=status), role_of={}) == Meaning()


@pytest.mark.parametrize("code", ["treatment", "research", "adr"])
def test_only_a_consent_about_privacy_decides(code: str) -> None:
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": code}]}
    assert meaning_of(consent({"type": "deny"}, scope=scope), role_of={}) == Meaning()


def opened(provision: Json, who: str, seen: Candidate = PLAIN, **roles: str) -> bool:
    meaning = meaning_of(consent(provision), role_of={f"PractitionerRole/{id}": each for id, each in roles.items()})
    kept = [(each.value, each.until) for each in meaning.relations if each.pair == f"{who}/p"]
    return is_related(Related(who, NOW), kept, seen)


def test_a_permit_with_recipients_opens_a_relation_with_each_and_leaves_others_alone() -> None:
    one = permit(actor=recipient("Practitioner/d"))
    assert opened(one, "d")
    assert not opened(one, "x")
    assert passes(meaning_of(consent(one), role_of={}), PLAIN, "x", "TREAT")
    assert opened(permit(actor=recipient("PractitionerRole/r")), "d", r="d")
    assert not opened(permit(), "d")


def test_the_relation_is_as_narrow_as_its_permit() -> None:
    normal = permit(actor=recipient("Practitioner/d"), securityLabel=labels("N"))
    assert opened(normal, "d", version(label="N"))
    assert not opened(normal, "d", PLAIN)
    with_psy = normal | {"provision": [{"type": "permit", "securityLabel": labels("PSY")}]}
    assert opened(with_psy, "d", version(label="PSY"))
    assert opened(permit(actor=recipient("Practitioner/d"), **YEAR), "d", version(year=2022))
    assert not opened(permit(actor=recipient("Practitioner/d"), **YEAR), "d", version(year=2021))


def test_the_relation_lasts_as_long_as_its_permit() -> None:
    assert not opened(permit(actor=recipient("Practitioner/d"), period={"end": "2022-09-30"}), "d")
    assert not opened(permit(actor=recipient("Practitioner/d"), period={"start": "2022-10-02"}), "d")
    assert opened(permit(actor=recipient("Practitioner/d"), period={"start": "2022-10-01", "end": "2022-10-01"}), "d")


def test_a_permit_for_research_opens_no_care_relation() -> None:
    research = {"type": "permit", "purpose": [{"system": REASON, "code": "HRESCH"}]}
    assert not opened(research | {"actor": recipient("Practitioner/d")}, "d")


def test_labels_that_a_permit_names_are_shown_to_whom_it_names() -> None:
    shown = meaning_of(consent(permit(securityLabel=labels("N", "R"))), role_of={}).relations
    assert [(each.pair, each.only) for each in shown] == [
        ("labelled:*/p", ({"labels": [[CONFIDENTIALITY, "N"], [CONFIDENTIALITY, "R"]]},))
    ]
    named = permit(actor=recipient("Practitioner/d"), securityLabel=labels("R"))
    assert {each.pair for each in meaning_of(consent(named), role_of={}).relations} == {"d/p", "labelled:d/p"}


@pytest.mark.parametrize(
    "unknown",
    [
        {"code": [{"text": "anything about drugs"}]},
        {"class": [{"system": "urn:iso", "code": "secret"}]},
        {"data": data("dependents", "Observation/o")},
        {"data": data("related", "CarePlan/x")},
        {"data": data("authoredby", "Organization/x")},
    ],
)
def test_what_is_not_understood_refuses_more_and_permits_nothing(unknown: Json) -> None:
    assert not passes(meaning_of(consent({"type": "deny", **unknown}), role_of={}), PLAIN, "d", "TREAT")
    assert not passes(meaning_of(consent(permit(**unknown)), role_of={}), PLAIN, "d", "TREAT")
    assert not opened(permit(actor=recipient("Practitioner/d"), **unknown), "d")
    excepted = {"type": "deny", "provision": [{"type": "permit", **unknown}]}
    assert not passes(meaning_of(consent(excepted), role_of={}), PLAIN, "d", "TREAT")


def test_a_deny_towards_somebody_who_cannot_be_told_is_one_towards_everybody() -> None:
    for actor in ("Group/g", "CareTeam/t", "PractitionerRole/unknown"):
        assert not passes(
            meaning_of(consent({"type": "deny", "actor": recipient(actor)}), role_of={}), PLAIN, "d", "TREAT"
        )


def platform(kind: str, status: str = "active", type: str = "permit") -> Json:
    system = "urn:fhir-health-server:telemed/CodeSystem/telemed-consent-type"
    return consent({"type": type}, status=status, category=[{"coding": [{"system": system, "code": kind}]}])


def test_an_objection_to_data_processing_stops_secondary_use_and_not_care() -> None:
    for refused in (platform("data_processing", "inactive"), platform("data_processing", type="deny")):
        assert not is_granted(refused)
        meaning = meaning_of(refused, role_of={})
        assert passes(meaning, PLAIN, "d", "TREAT")
        for purpose in SECONDARY:
            assert not passes(meaning, PLAIN, "d", purpose)
    given = platform("data_processing")
    assert is_granted(given)
    assert meaning_of(given, role_of={}) == Meaning()
    assert kind_of(given) == "data_processing"
    assert kind_of(consent(permit())) is None
