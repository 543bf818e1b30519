"""SMART scopes: the grammar of both versions, what is refused, and what one set opens of another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.scopes import LETTERS, LEVELS, ResourceScope, Scopes, parse_scopes

PARAMETERS = {("Observation", "category"), ("Observation", "code"), ("Observation", "date"), ("Condition", "category")}


def known(type: str, name: str) -> bool:
    return (type, name) in PARAMETERS


def read(text: str) -> Scopes:
    scopes, refused = parse_scopes(text, known)
    assert refused == ()
    return scopes


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("patient/Observation.rs", ResourceScope("patient", "Observation", "rs")),
        ("user/*.cruds", ResourceScope("user", "*", "cruds")),
        ("system/Patient.c", ResourceScope("system", "Patient", "c")),
        ("patient/Observation.read", ResourceScope("patient", "Observation", "rs", version=1)),
        ("patient/Observation.write", ResourceScope("patient", "Observation", "cud", version=1)),
        ("patient/*.*", ResourceScope("patient", "*", "cruds", version=1)),
        (
            "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
            ResourceScope(
                "patient",
                "Observation",
                "rs",
                (("category", "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"),),
            ),
        ),
        (
            "patient/Observation.rs?category=laboratory&date=ge2020",
            ResourceScope("patient", "Observation", "rs", (("category", "laboratory"), ("date", "ge2020"))),
        ),
        (
            "patient/Observation.r?code=http:%2F%2Floinc.org%7C1%261",
            ResourceScope("patient", "Observation", "r", (("code", "http://loinc.org|1&1"),)),
        ),
    ],
)
def test_a_resource_scope_is_read(text: str, scope: ResourceScope) -> None:
    assert read(text) == Scopes((scope,))


def test_words_keep_their_order_and_come_once() -> None:
    asked = read("openid fhirUser launch/patient openid offline_access launch/imagingstudy?role=x")
    assert asked.words == ("openid", "fhirUser", "launch/patient", "offline_access", "launch/imagingstudy?role=x")
    assert asked.resources == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("patient/Observation.dus", "in that order"),
        ("patient/Observation.rr", "in that order"),
        ("patient/Observation.sr", "in that order"),
        ("patient/Observation.x", "in that order"),
        ("patient/Observation.", "is no scope"),
        ("patient/Observation", "is no scope"),
        ("patient/Observation.rs?", "is no scope"),
        ("patient/Observation%2Frs", "is no scope"),
        ("PATIENT/Observation.rs", "is no scope"),
        ("doctor/Observation.rs", "begins with none of"),
        ("patient/observation.rs", "no resource type"),
        ("patient/Observatiön.rs", "is no scope"),
        ("patient/DomainResource.rs", "no resource type"),
        ("patient/Observation.read?category=laboratory", "in that order"),
        ("patient/*.rs?category=laboratory", "no search parameter of *"),
        ("patient/Observation.rs?colour=red", "no search parameter of Observation"),
        ("patient/Observation.rs?category:in=x", "modifiers and chains"),
        ("patient/Observation.rs?subject.name=x", "modifiers and chains"),
        ("patient/Observation.rs?category", "name=value"),
        ("patient/Observation.rs?category=", "name=value"),
        ("patient/Observation.rs?category=%FF", "name=value"),
        ("patient/Observation.rs?category=a%0Ab", "name=value"),
        ("patient/Observation.rs?_filter=code%20eq%201", "looks at other resources"),
        ("patient/Observation.rs?category=x&_filter=focus.family%20eq%20x", "looks at other resources"),
        ("patient/Observation.rs?_list=1", "looks at other resources"),
        ("patient/Observation.rs?_query=1", "looks at other resources"),
        ("administrator", "is no scope"),
        ("launch/Patient", "is no scope"),
    ],
)
def test_what_is_no_scope_is_refused_and_the_others_stand(text: str, reason: str) -> None:
    scopes, refused = parse_scopes(f"openid {text} user/Patient.r", known)
    assert scopes.words == ("openid",)
    assert ResourceScope("user", "Patient", "r") in scopes.resources
    assert reason in " ".join(each.reason for each in refused)


def test_what_was_written_in_version_1_is_said_back_in_version_1() -> None:
    text = "patient/Observation.read user/*.* system/Patient.write patient/Condition.rs"
    assert str(read(text)) == text


@pytest.mark.parametrize(
    ("asked", "granted", "fits"),
    [
        ("patient/Observation.r", "patient/Observation.rs", True),
        ("patient/Observation.rs", "patient/*.r patient/Observation.s", True),
        ("patient/Observation.rs", "patient/Observation.r", False),
        ("patient/*.r", "patient/Observation.r", False),
        ("user/Observation.r", "patient/Observation.r", False),
        ("patient/Observation.rs?category=laboratory", "patient/Observation.rs", True),
        ("patient/Observation.rs", "patient/Observation.rs?category=laboratory", False),
        ("patient/Observation.rs?category=laboratory&code=1", "patient/Observation.rs?code=1", True),
        ("patient/Observation.rs?code=1", "patient/Observation.rs?code=2", False),
        ("patient/Observation.read", "patient/Observation.rs", True),
        ("openid", "openid fhirUser", True),
        ("openid offline_access", "openid", False),
    ],
)
def test_a_refresh_may_ask_for_less_and_not_for_more(asked: str, granted: str, fits: bool) -> None:
    assert read(asked).within(read(granted)) is fits


@pytest.mark.parametrize(
    ("asked", "allowed", "met"),
    [
        ("system/*.cruds", "system/Patient.rs system/Observation.r", "system/Patient.rs system/Observation.r"),
        ("system/Patient.cruds", "system/*.rs", "system/Patient.rs"),
        ("system/Patient.read", "system/*.rs", "system/Patient.read"),
        ("system/Patient.d", "system/Patient.rs", ""),
        ("user/Patient.r", "system/Patient.r", ""),
        (
            "system/Observation.rs?code=1",
            "system/Observation.rs?category=laboratory",
            "system/Observation.rs?code=1&category=laboratory",
        ),
        ("openid fhirUser system/Patient.r", "openid system/Patient.r", "openid system/Patient.r"),
        ("system/Patient.rs", "system/Patient.r system/*.rs", "system/Patient.rs"),
    ],
)
def test_a_client_gets_what_it_asks_for_of_what_it_may_have(asked: str, allowed: str, met: str) -> None:
    assert str(read(asked).meet(read(allowed))) == met


def resource_scopes() -> st.SearchStrategy[ResourceScope]:
    letters = st.sets(st.sampled_from(LETTERS), min_size=1).map(lambda some: "".join(x for x in LETTERS if x in some))
    values = st.text(min_size=1, max_size=8).filter(str.isprintable)
    pairs = st.lists(st.tuples(st.sampled_from(["category", "code", "date"]), values), max_size=3, unique=True)
    granular = st.tuples(st.sampled_from(LEVELS), letters, pairs).map(
        lambda each: ResourceScope(each[0], "Observation", each[1], tuple(sorted(each[2])))
    )
    whole = st.tuples(st.sampled_from(LEVELS), st.sampled_from(["*", "Patient"]), letters).map(
        lambda each: ResourceScope(*each)
    )
    return st.one_of(granular, whole)


def scope_sets() -> st.SearchStrategy[Scopes]:
    return st.lists(resource_scopes(), max_size=4, unique=True).map(lambda some: Scopes(tuple(some)))


@given(scope_sets())
def test_what_is_written_is_read_back(scopes: Scopes) -> None:
    assert parse_scopes(str(scopes), known) == (scopes, ())


@given(scope_sets(), scope_sets())
def test_what_two_sets_open_is_within_both(one: Scopes, other: Scopes) -> None:
    met = one.meet(other)
    assert met.within(one)
    assert met.within(other)
    if one.within(other) and len(other.resources) == 1:
        assert one.within(met)


@given(st.text(max_size=60))
def test_no_text_is_read_as_more_than_it_says(text: str) -> None:
    scopes, refused = parse_scopes(text, known)
    asked = {token for token in text.split(" ") if token}
    assert len(scopes.resources) + len(scopes.words) + len(refused) <= len(asked)
    assert {each.scope for each in refused} <= asked
