"""An app that asks for a second factor (OpenID Connect Core 1.0, 3.1.2.1 and 5.5.1.1; RFC 9470, 4 and 5)."""

from __future__ import annotations

from typing import Any

import jwt
import pyotp
import pytest

from auth.accounts import account_of
from auth.smart import browser
from auth.smart.browser import SignedIn
from auth.smart.flow import Show
from tests.fakes.apps import Apps, answer
from tests.fakes.authority import HERE, PASSWORD

MULTIPLE = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
"""Authentication by more than one factor (OpenID PAPE 1.0, 4)."""


async def with_authenticator(apps: Apps) -> pyotp.TOTP:
    """Give the account of Ann an authenticator, and return it."""
    auth = apps.authority.auth
    account = await account_of(apps.authority.store.records, "ann")
    assert account is not None
    totp = pyotp.TOTP((await auth.factors.begin(account, PASSWORD, HERE)).secret)
    await auth.factors.confirm(account, now_of(apps, totp), HERE)
    apps.authority.clock.advance(30)
    return totp


def now_of(apps: Apps, totp: pyotp.TOTP) -> str:
    return totp.at(apps.authority.clock() // 1_000_000)


async def by_two(apps: Apps) -> str:
    """Sign in with two factors; return the browser's secret."""
    totp = await with_authenticator(apps)
    signed = await apps.authority.login(code=now_of(apps, totp))
    return await apps.authority.store.write(lambda tx: browser.remember(tx, SignedIn(signed.account, signed.grant)))


def said_of(tokens: dict[str, Any]) -> dict[str, Any]:
    return dict(jwt.decode(tokens["id_token"], options={"verify_signature": False}))


@pytest.mark.parametrize("asked", [None, MULTIPLE, f"urn:example:gold {MULTIPLE}"])
async def test_two_factors_are_said_whether_or_not_they_were_asked_for(apps: Apps, asked: str | None) -> None:
    secret = await by_two(apps)
    at = apps.authority.clock() // 1_000_000
    apps.authority.clock.advance(600)
    tokens = await apps.exchange(await apps.code(secret, acr_values=asked))
    claims = said_of(tokens)
    assert (claims["acr"], claims["amr"], claims["auth_time"]) == (MULTIPLE, ["pwd", "otp", "mfa"], at)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "app"}
    again = said_of(await apps.token(**form))
    assert (again["acr"], again["auth_time"]) == (MULTIPLE, at)


@pytest.mark.parametrize("asked", [None, MULTIPLE, "urn:example:gold", "0"])
async def test_what_an_account_cannot_do_is_no_error_and_not_claimed(apps: Apps, asked: str | None) -> None:
    _, secret = await apps.signed_in()
    claims = said_of(await apps.exchange(await apps.code(secret, acr_values=asked)))
    assert (claims["amr"], "acr" in claims) == (["pwd"], False)


async def test_who_has_a_second_factor_signs_in_with_it_for_the_app_that_asks(apps: Apps) -> None:
    _, secret = await apps.signed_in()
    totp = await with_authenticator(apps)
    for asked in (None, "urn:example:gold"):
        easy = await apps.begin(secret, acr_values=asked)
        assert isinstance(easy, Show)
        assert easy.page == "consent"
    assert answer(await apps.begin(secret, acr_values=MULTIPLE, prompt="none"))["error"] == "login_required"
    due = await apps.begin(secret, acr_values=f"urn:example:gold {MULTIPLE}")
    assert isinstance(due, Show)
    assert due.page == "login"
    early = await apps.smart.flow.decide(due.id, secret, ["openid"], HERE)
    assert isinstance(early, Show)
    assert early.page == "login"
    signed = await apps.authority.login(code=now_of(apps, totp))
    gone = await apps.smart.flow.signed_in(due.id, secret, SignedIn(signed.account, signed.grant))
    assert gone.browser is not None
    step = await apps.smart.flow.decide(due.id, gone.browser, ["openid"], HERE)
    assert said_of(await apps.exchange(answer(step)["code"]))["acr"] == MULTIPLE
