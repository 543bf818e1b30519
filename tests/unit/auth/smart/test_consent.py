"""What a user decides about, in words, and what comes of it."""

from __future__ import annotations

import pytest

from auth.scopes import Scopes, parse_scopes
from auth.smart.consent import choices, decided
from auth.smart.words import TYPES, in_words, word
from profiles.definitions import is_resource_type
from tests.fakes.apps import known

LABORATORY = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"


def scopes(text: str) -> Scopes:
    found, refused = parse_scopes(text, known)
    assert refused == ()
    return found


def decide(asked: str, *ticked: str) -> str:
    return str(decided(scopes(asked), ticked, known))


def test_each_scope_is_a_choice_and_some_can_be_narrowed() -> None:
    offered = choices(scopes("openid patient/Patient.r patient/Observation.rs"), "en", known)
    assert [each.scope for each in offered] == ["patient/Patient.r", "patient/Observation.rs", "openid"]
    assert offered[0].text == "identity and contact details of this patient: see"
    assert LABORATORY in [each.scope for each in offered[1].narrower]
    assert (offered[0].narrower, offered[2].narrower) == ((), ())


def test_what_is_narrow_already_is_not_narrowed_further() -> None:
    (offered,) = choices(scopes(LABORATORY), "en", known)
    assert offered.narrower == ()
    assert "only where category = http" in offered.text


@pytest.mark.parametrize(
    ("asked", "ticked", "granted"),
    [
        ("openid patient/Observation.rs", ("patient/Observation.rs", "openid"), "openid patient/Observation.rs"),
        ("openid patient/Observation.rs", ("openid",), "openid"),
        ("patient/Observation.rs", (LABORATORY,), LABORATORY),
        ("patient/Observation.rs", (LABORATORY, "patient/Observation.rs"), "patient/Observation.rs"),
        ("patient/Observation.rs", (), ""),
        ("patient/Observation.rs", ("patient/Observation.cruds", "patient/*.rs", "user/Observation.r"), ""),
        (LABORATORY, ("patient/Observation.rs",), ""),
        ("openid", ("openid", "offline_access", "launch/patient"), "openid"),
        ("patient/Observation.read", ("patient/Observation.read",), "patient/Observation.read"),
        ("patient/Observation.rs", ("<script>", "patient/Observation.sr"), ""),
    ],
)
def test_no_more_is_granted_than_was_asked_for_and_ticked(asked: str, ticked: tuple[str, ...], granted: str) -> None:
    assert decide(asked, *ticked) == granted


def test_the_words_are_those_of_the_language() -> None:
    (scope,) = scopes("patient/AllergyIntolerance.cruds").resources
    assert in_words(scope, "en") == "allergies of this patient: see, search, add, change and delete"
    assert in_words(scope, "fr") == "allergies de ce patient\u00a0: voir, rechercher, ajouter, modifier et supprimer"
    assert word("offline_access", "fr").startswith("garder")


def test_a_type_without_words_is_named_as_it_is() -> None:
    (scope,) = scopes("user/Substance.r").resources
    assert in_words(scope, "en") == "Substance within what you may see: see"


def test_the_words_are_about_types_that_there_are() -> None:
    assert [type for type in TYPES if type != "*" and not is_resource_type(type)] == []
