"""How surely somebody must have signed in before data opens."""

from __future__ import annotations

import pytest

from auth.accounts import Account, Role
from auth.assurance import Assurance, acr_of
from auth.grants import Grant


def granted(*amr: str, acr: str | None = None) -> Grant:
    return Grant("g", "session", "1", "first-party", 0, 1, amr=amr, acr=acr)


def account(role: Role) -> Account:
    return Account("1", "a@example.org", role, "active", 0)


@pytest.mark.parametrize(
    ("grant", "sure"),
    [
        (granted("pwd"), False),
        (granted("pwd", "otp", "mfa"), True),
        (granted("pwd", "kba", "mfa"), True),
        (granted("hwk", "user", "mfa"), True),
        (granted("ext"), False),
        (granted("ext", acr="eidas1"), False),
        (granted("ext", acr="eidas2"), True),
        (granted(), False),
    ],
)
def test_two_factors_are_what_the_session_says_it_was_begun_with(grant: Grant, sure: bool) -> None:
    demanded = Assurance(("doctor",), ("eidas2",))
    assert demanded.suffices(grant, account("doctor")) is sure
    assert demanded.suffices(grant, account("patient"))
    assert Assurance().suffices(grant, account("doctor"))


def test_a_provider_that_says_nothing_vouches_for_nothing() -> None:
    assert not Assurance(("doctor",)).suffices(granted("ext"), account("doctor"))


def test_a_service_has_no_factors() -> None:
    service = Grant("g", "backend", None, "service", 0, 1)
    assert Assurance(("doctor", "patient", "admin")).suffices(service, None)


@pytest.mark.parametrize(
    ("grant", "acr"),
    [
        (granted("pwd"), None),
        (granted("pwd", "otp", "mfa"), "http://schemas.openid.net/pape/policies/2007/06/multi-factor"),
        (granted("hwk", "user", "mfa"), "http://schemas.openid.net/pape/policies/2007/06/multi-factor"),
        (granted("ext"), None),
        (granted("ext", "mfa", acr="eidas1"), "eidas1"),
    ],
)
def test_what_a_provider_said_is_said_on_and_two_factors_have_a_name(grant: Grant, acr: str | None) -> None:
    assert acr_of(grant) == acr
