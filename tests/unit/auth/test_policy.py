"""From who calls to rights: the policy that comes with the server, scopes, break-glass, and files that mean nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth.policy import BREAK_GLASS, Caller, rights_of
from auth.policy_file import default_policy, read_policy
from auth.rights import ACTIONS, DEFINITIONS, NO_RIGHTS, Rights
from auth.scopes import parse_scopes
from profiles import definitions
from profiles.ownership import record_types
from profiles.restriction import (
    ALL,
    About,
    AllOf,
    Attached,
    Consented,
    HasLabel,
    InCompartment,
    Matches,
    Not,
    OfTypes,
    Related,
    WrittenBy,
    all_of,
    any_of,
)

POLICY = default_policy()
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
OPEN_LABELS = all_of(Not(HasLabel(CONFIDENTIALITY, "R")), Not(HasLabel(CONFIDENTIALITY, "V")))
LABELS = any_of(OPEN_LABELS, Related("labelled:7", 1_000_000), Related("labelled:*", 1_000_000))
CARED_FOR = (Related("7", 1_000_000), Consented(("Practitioner/7",), "TREAT", 1_000_000, ("Practitioner/7",)))
RELATED = all_of(*CARED_FOR, LABELS)
WRITABLE = all_of(*CARED_FOR, any_of(LABELS, WrittenBy("Practitioner/7")))
KIND = "urn:fhir-health-server:telemed/CodeSystem/telemed-notification-kind|"
NOTIFIED = (
    Matches("Communication", (("recipient", "Practitioner/7"), ("subject:missing", "true"), ("category", KIND))),
)
CLINICAL = [type for type in record_types() if type not in ("AuditEvent", "Patient")]


def patient(**more: object) -> Rights:
    return rights_of(POLICY, Caller("patient", "1", "Patient/1", **more))  # type: ignore[arg-type]


def doctor(role: str = "doctor", **more: object) -> Rights:
    return rights_of(POLICY, Caller(role, "7", "Practitioner/7", **more))  # type: ignore[arg-type]


def scopes(text: str) -> object:
    found, refused = parse_scopes(text, lambda type, name: True)
    assert not refused
    return found


@pytest.mark.parametrize("type", record_types())
def test_a_patient_reads_what_is_about_the_patient(type: str) -> None:
    for action in ("read", "history", "search"):
        assert patient().of_type(action, type, 1) == About("1")  # type: ignore[arg-type]


@pytest.mark.parametrize("type", ["Observation", "DocumentReference", "Communication", "QuestionnaireResponse"])
def test_a_patient_changes_what_is_about_and_by_the_patient(type: str) -> None:
    assert patient().of_type("create", type, 1) == About("1")
    assert patient().of_type("update", type, 1) == all_of(About("1"), WrittenBy("Patient/1"))


@pytest.mark.parametrize("type", ["Appointment", "CareTeam", "Consent"])
def test_what_patients_decide_they_change_whoever_wrote_it(type: str) -> None:
    assert patient().of_type("update", type, 1) == About("1")


def test_all_conditions_of_a_row_hold_and_any_row_will_do() -> None:
    row = '{ actions = ["read"], types = ["Task"], where = %s }'
    rows = [row % each for each in ('["own", "authored", "?status=draft"]', '"mine"')]
    policy = read_policy(f"[roles.x]\nallow = [{', '.join(rows)}]")
    found = rights_of(policy, Caller("x", "1", "Patient/1")).of_type("read", "Task", 1)
    draft = Matches("Task", (("status", "draft"),))
    assert found == any_of(all_of(About("1"), WrittenBy("Patient/1"), draft), InCompartment("Patient", "1"))


def test_a_binary_of_ones_own_is_shown_where_it_is_attached_and_all_else_holds_too() -> None:
    row = '{ actions = ["read"], types = %s, where = %s }'
    rows = [row % each for each in (('["Binary"]', '["own", "authored"]'), ('["Media"]', '["own", "authored"]'))]
    policy = read_policy(f"[roles.x]\nallow = [{', '.join(rows)}]")
    both = all_of(About("1"), WrittenBy("Patient/1"))
    shown = all_of(all_of(About("1"), Attached(all_of(OfTypes(("Media",)), both))), WrittenBy("Patient/1"))
    assert rights_of(policy, Caller("x", "1", "Patient/1")).of_type("read", "Binary", 1) == shown


def test_a_further_condition_of_writing_for_related_patients_holds_under_break_glass() -> None:
    rows = '{ actions = ["create", "update"], types = ["Media"], where = ["related", "authored"] }'
    policy = read_policy(f'[roles.x]\npowers = ["break-glass"]\nallow = [{rows}]')
    broken = rights_of(policy, Caller("x", "7", "Practitioner/7", patient="1", purpose=BREAK_GLASS))
    assert broken.of_type("update", "Media", 1) == all_of(About("1"), WrittenBy("Practitioner/7"))
    assert not broken.may("update", "Observation")


@pytest.mark.parametrize("type", CLINICAL)
def test_a_doctor_reads_the_patients_in_care_and_what_is_authored(type: str) -> None:
    own = any_of(RELATED, WrittenBy("Practitioner/7"))
    for action in ("read", "history", "search"):
        more = NOTIFIED if type == "Communication" and action != "history" else ()
        assert doctor().of_type(action, type, 1) == any_of(own, *more)  # type: ignore[arg-type]


@pytest.mark.parametrize("type", CLINICAL)
def test_a_doctor_writes_for_patients_in_care_alone(type: str) -> None:
    assert doctor().may("create", type) is (type != "Consent")
    if type != "Consent":
        assert doctor().of_type("create", type, 1) == doctor().of_type("update", type, 1) == WRITABLE
    assert not doctor().may("delete", type)


def test_no_account_but_an_administrators_writes_definitions() -> None:
    for type in DEFINITIONS:
        for rights in (patient(), doctor(), doctor("pending"), rights_of(POLICY, Caller("system", "x", "Client/x"))):
            assert rights.may("read", type)
            assert not any(rights.may(action, type) for action in ("create", "update", "delete"))  # type: ignore[arg-type]
        assert doctor("admin").may("create", type)


@pytest.mark.parametrize("type", record_types())
def test_an_administrator_and_a_pending_doctor_see_no_record(type: str) -> None:
    seen = [action for action in ("read", "history", "search") if doctor("admin").may(action, type)]  # type: ignore[arg-type]
    assert bool(seen) is (type in ("AuditEvent", "CareTeam"))
    assert doctor("admin").of_type("read", "CareTeam", 1) == WrittenBy("Practitioner/7")
    assert not any(doctor("pending").may(action, type) for action in ACTIONS)


def test_every_type_is_in_a_group_or_closed_to_all_people() -> None:
    people = [POLICY.roles[role] for role in ("patient", "doctor", "pending", "admin")]
    named = {type for role in people for row in role.rows for type in row.types}
    closed = set(definitions.resource_types()) - named
    assert {"Group", "Person", "Bundle", "Contract", "Linkage", "VerificationResult"} <= closed
    assert not closed & set(record_types())


def test_nobody_writes_audit_events() -> None:
    for role in POLICY.roles:
        rights = rights_of(POLICY, Caller(role, "7", "Practitioner/7"))
        assert not any(rights.may(action, "AuditEvent") for action in ("create", "update", "delete"))  # type: ignore[arg-type]


def test_an_unknown_role_may_do_nothing() -> None:
    assert doctor("somebody") is NO_RIGHTS


def test_only_who_is_the_records_own_chooses_ids() -> None:
    choosing = {role for role in POLICY.roles if rights_of(POLICY, Caller(role, "7", "x")).assigns_ids}
    assert choosing == {"admin", "system"}


def test_a_patient_scope_opens_the_patient_of_the_launch_and_what_is_about_nobody() -> None:
    app = patient(scopes=scopes("patient/Observation.rs patient/Practitioner.r"), patient="1")
    assert app.of_type("read", "Observation", 1) == About("1")
    assert app.of_type("search", "Observation", 1) == About("1")
    assert app.of_type("read", "Practitioner", 1) == any_of(OPEN_LABELS)
    assert not app.may("search", "Practitioner")
    assert not app.may("create", "Observation")
    assert not app.may("read", "Patient")


def test_a_doctors_app_sees_one_patient_and_only_in_care() -> None:
    app = doctor(scopes=scopes("patient/*.cruds"), patient="1")
    assert app.of_type("create", "Observation", 1) == all_of(WRITABLE, About("1"))
    assert not app.may("create", "Consent"), "scopes open no more than the role"
    assert app.powers == {"terminology", "validate"}


@pytest.mark.parametrize("text", ["patient/*.cruds", "system/*.cruds", "openid launch", "system/Observation.rs"])
def test_scopes_without_their_context_open_nothing(text: str) -> None:
    app = doctor(scopes=scopes(text))
    assert not any(app.types(action) for action in ACTIONS)


def test_user_scopes_open_what_the_user_may_see() -> None:
    app = doctor(scopes=scopes("user/Observation.r"))
    assert app.of_type("read", "Observation", 1) == doctor().of_type("read", "Observation", 1)
    assert not app.may("read", "Condition")


def test_a_granular_scope_restricts_every_action_and_several_add_up() -> None:
    text = "patient/Observation.rs?category=laboratory patient/Observation.crs?category=vital-signs"
    app = patient(scopes=scopes(text), patient="1")
    lab, vital = (Matches("Observation", (("category", each),)) for each in ("laboratory", "vital-signs"))
    within_lab, within_vital = all_of(About("1"), lab), all_of(About("1"), vital)
    assert app.of_type("read", "Observation", 1) == all_of(About("1"), any_of(within_lab, within_vital))
    assert app.of_type("create", "Observation", 1) == all_of(About("1"), within_vital)


def test_a_backend_service_has_what_its_scopes_open() -> None:
    client = rights_of(POLICY, Caller("system", "x", "Client/x", scopes("system/Observation.rs")))  # type: ignore[arg-type]
    assert client.of_type("read", "Observation", 1) is ALL
    assert client.types("read") == client.types("search") == {"Observation"}
    assert not client.types("create")
    assert client.assigns_ids


def test_break_glass_opens_one_record_without_care_relation_or_consent() -> None:
    broken = doctor(patient="1", purpose=BREAK_GLASS)
    sealed = Not(HasLabel(CONFIDENTIALITY, "V"))
    assert broken.of_type("read", "Observation", 1) == AllOf((About("1"), sealed))
    assert broken.of_type("create", "Observation", 1) == AllOf((About("1"), sealed))
    assert not any(broken.may("delete", type) for type in definitions.resource_types())
    assert not broken.may("read", "AuditEvent")
    assert broken.may("read", "Organization")
    admin = doctor("admin", patient="1", purpose=BREAK_GLASS)
    assert admin.may("read", "Observation")
    assert not admin.may("create", "Observation")


def test_the_glass_is_not_broken_without_a_patient_or_by_whoever_may_not() -> None:
    assert doctor(purpose=BREAK_GLASS) is NO_RIGHTS
    assert patient(patient="2", purpose=BREAK_GLASS) is NO_RIGHTS
    assert doctor("pending", patient="1", purpose=BREAK_GLASS) is NO_RIGHTS


def test_a_professional_opens_no_care_relation() -> None:
    assert {role for role in POLICY.roles if POLICY.opens(role, "TREAT")} == {"patient", "admin", "system"}
    assert not any(POLICY.opens(role, BREAK_GLASS) for role in POLICY.roles)


def test_a_purpose_that_the_policy_does_not_name_opens_nothing() -> None:
    for role in ("doctor", "system"):
        asked = Caller(role, "1", f"Practitioner/{role}", purpose="HRESCH")
        assert rights_of(default_policy(), asked) == NO_RIGHTS
        allowing = replace(default_policy(), purposes=frozenset(("HRESCH",)))
        assert rights_of(allowing, asked).may("read", "Observation")
