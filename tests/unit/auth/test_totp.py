"""The second factor by time."""

from __future__ import annotations

import pyotp
import pytest

from auth.accounts import Account, account_of
from auth.errors import Conflicting, Missing, SecondFactor, TooMany, Unauthenticated
from auth.throttle import RATES
from tests.fakes.authority import HERE, PASSWORD, Authority


def code(authority: Authority, secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(authority.clock() // 1_000_000 + 30 * steps)


async def enrolled(authority: Authority) -> tuple[Account, str, list[str]]:
    """Return an account with a confirmed authenticator, its secret and its recovery codes, and be in the next step."""
    account = await authority.account()
    begun = await authority.auth.factors.begin(account, PASSWORD, HERE)
    recovery = await authority.auth.factors.confirm(account, code(authority, begun.secret), HERE)
    authority.clock.advance(30)
    return account, begun.secret, recovery


async def test_an_authenticator_counts_only_when_it_is_confirmed(authority: Authority) -> None:
    account = await authority.account()
    begun = await authority.auth.factors.begin(account, PASSWORD, HERE)
    assert begun.uri.startswith("otpauth://totp/")
    assert (await authority.login()).grant.amr == ("pwd",)
    with pytest.raises(Unauthenticated):
        await authority.auth.factors.confirm(account, "000000", HERE)
    recovery = await authority.auth.factors.confirm(account, code(authority, begun.secret), HERE)
    assert len(set(recovery)) == 10
    with pytest.raises(SecondFactor) as caught:
        await authority.login()
    assert caught.value.methods == ("totp", "recovery")


async def test_password_and_code_together_sign_in(authority: Authority) -> None:
    _, secret, _ = await enrolled(authority)
    assert (await authority.login(code=code(authority, secret))).grant.amr == ("pwd", "otp", "mfa")


async def test_a_code_is_good_once_and_earlier_ones_are_not(authority: Authority) -> None:
    _, secret, _ = await enrolled(authority)
    now = code(authority, secret)
    await authority.login(code=now)
    for stale in (now, code(authority, secret, -1)):
        with pytest.raises(Unauthenticated):
            await authority.login(code=stale)
    await authority.login(code=code(authority, secret, 1))


async def test_the_code_that_confirmed_does_not_sign_in(authority: Authority) -> None:
    account = await authority.account()
    begun = await authority.auth.factors.begin(account, PASSWORD, HERE)
    used = code(authority, begun.secret)
    await authority.auth.factors.confirm(account, used, HERE)
    with pytest.raises(Unauthenticated):
        await authority.login(code=used)


async def test_clocks_may_differ_by_a_step_and_not_by_two(authority: Authority) -> None:
    _, secret, _ = await enrolled(authority)
    with pytest.raises(Unauthenticated):
        await authority.login(code=code(authority, secret, 2))
    await authority.login(code=code(authority, secret, 1))


async def test_a_recovery_code_is_good_once(authority: Authority) -> None:
    _, _, recovery = await enrolled(authority)
    assert (await authority.login(code=recovery[3].upper())).grant.amr == ("pwd", "kba", "mfa")
    with pytest.raises(Unauthenticated):
        await authority.login(code=recovery[3])
    await authority.login(code=recovery[4])
    account = await account_of(authority.store.records, "ann")
    assert account is not None
    assert len(account.recovery) == 8
    assert recovery[0] not in account.recovery


async def test_codes_are_not_guessed_from_many_addresses(authority: Authority) -> None:
    await enrolled(authority)
    account = await account_of(authority.store.records, "ann")
    assert account is not None
    judge = authority.auth.factors.judge
    for n in range(RATES["code-account"].amount):
        with pytest.raises(Unauthenticated):
            await judge(account, f"{n:06}")
    with pytest.raises(TooMany):
        await judge(account, "999999")


async def test_only_the_password_adds_and_removes_an_authenticator(authority: Authority) -> None:
    account, secret, _ = await enrolled(authority)
    factors = authority.auth.factors
    with pytest.raises(Conflicting):
        await factors.begin(account, PASSWORD, HERE)
    for act in (factors.begin, factors.remove):
        with pytest.raises(Unauthenticated):
            await act(account, "wrong", HERE)
    await factors.remove(account, PASSWORD, HERE)
    assert (await authority.login()).grant.amr == ("pwd",)
    with pytest.raises(Missing):
        await factors.confirm(account, code(authority, secret), HERE)
    assert [row.action for row in await authority.events()][-2:] == ["remove-totp", "login"]
