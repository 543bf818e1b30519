"""Forgotten passwords, other passwords, and confirmed addresses."""

from __future__ import annotations

import re
import time

import pytest

from auth.accounts import account_of, change
from auth.errors import Invalid, TooMany, Unauthenticated
from auth.ports import Asker
from auth.tables import TOKENS
from auth.throttle import RATES
from tests.fakes.authority import ELSEWHERE, HERE, PASSWORD, Authority

OTHER = "mélèze ouragan 77 citron"


async def code(authority: Authority) -> str:
    """Return the code of the one letter that has come."""
    (letter,) = await authority.post()
    found = re.search(r"#token=(\S+)", letter.text)
    assert found
    return found[1]


async def test_a_forgotten_password_is_set_by_the_code_of_a_letter_and_ends_every_session(authority: Authority) -> None:
    await authority.account()
    signed = await authority.login()
    await authority.admits(signed.access)
    recovery = authority.auth.recovery
    await recovery.forgot(" ANN@example.org", HERE)
    secret = await code(authority)
    await recovery.reset(secret, OTHER, ELSEWHERE)
    with pytest.raises(Unauthenticated):
        await authority.admits(signed.access)
    with pytest.raises(Unauthenticated):
        await authority.auth.sessions.refresh(signed.refresh or "", HERE)
    with pytest.raises(Unauthenticated):
        await authority.login()
    assert (await authority.auth.sessions.login("ann@example.org", OTHER, None, HERE)).account.confirmed_at is not None
    (letter,) = await authority.post()
    assert "changé" in letter.subject
    assert [row.action for row in await authority.events()][1:3] == ["forgot-password", "reset-password"]


async def test_a_code_is_good_once_for_thirty_minutes_and_only_the_last_one(authority: Authority) -> None:
    await authority.account()
    recovery = authority.auth.recovery
    await recovery.forgot("ann@example.org", HERE)
    first = await code(authority)
    await recovery.forgot("ann@example.org", HERE)
    second = await code(authority)
    for wrong in (first, "", "x" * 50, second + "x"):
        with pytest.raises(Invalid) as caught:
            await recovery.reset(wrong, OTHER, HERE)
        assert list(caught.value.fields) == ["token"]
    await recovery.reset(second, OTHER, HERE)
    with pytest.raises(Invalid):
        await recovery.reset(second, PASSWORD, HERE)
    await authority.post()
    await recovery.forgot("ann@example.org", HERE)
    third = await code(authority)
    authority.clock.advance(30 * 60)
    with pytest.raises(Invalid):
        await recovery.reset(third, OTHER, HERE)


async def test_a_weak_password_does_not_use_the_code_up(authority: Authority) -> None:
    await authority.account()
    await authority.auth.recovery.forgot("ann@example.org", HERE)
    secret = await code(authority)
    with pytest.raises(Invalid) as caught:
        await authority.auth.recovery.reset(secret, "password1234", HERE)
    assert list(caught.value.fields) == ["password"]
    await authority.auth.recovery.reset(secret, OTHER, HERE)


async def test_nobody_learns_whether_there_is_an_account(authority: Authority) -> None:
    await authority.account()
    await authority.account("gone@example.org", status="disabled")
    took = []
    for email in ("nobody@example.org", "gone@example.org", "no address", "ann@example.org"):
        started = time.perf_counter()
        await authority.auth.recovery.forgot(email, HERE)
        took.append(time.perf_counter() - started)
    # Nothing is looked up before the answer: it takes microseconds for all of them.
    assert max(took) < 0.01
    assert [letter.to for letter in await authority.post()] == ["ann@example.org"]


async def test_nobody_s_mailbox_is_flooded(authority: Authority) -> None:
    await authority.account()
    for n in range(RATES["letter-account"].amount + 3):
        await authority.auth.recovery.forgot("ann@example.org", Asker("r", f"203.0.113.{n}"))
    assert len(await authority.post()) == RATES["letter-account"].amount
    for _ in range(RATES["letter-address"].amount):
        await authority.auth.recovery.forgot("nobody@example.org", HERE)
    with pytest.raises(TooMany):
        await authority.auth.recovery.forgot("nobody@example.org", HERE)


async def test_a_password_is_changed_by_the_old_one_and_ends_the_other_sessions(authority: Authority) -> None:
    await authority.account()
    here, there = await authority.login(), await authority.login()
    await authority.auth.recovery.forgot("ann@example.org", HERE)
    secret = await code(authority)
    recovery = authority.auth.recovery
    with pytest.raises(Unauthenticated):
        await recovery.change(here.account, here.grant, "wrong", OTHER, HERE)
    with pytest.raises(Invalid) as caught:
        await recovery.change(here.account, here.grant, PASSWORD, "ann@example.org", HERE)
    assert list(caught.value.fields) == ["new_password"]
    await recovery.change(here.account, here.grant, PASSWORD, OTHER, HERE)
    assert await authority.admits(here.access) == "Patient/ann"
    with pytest.raises(Unauthenticated):
        await authority.admits(there.access)
    with pytest.raises(Unauthenticated):
        await authority.login()
    with pytest.raises(Invalid):
        await recovery.reset(secret, PASSWORD, HERE)
    assert len(await authority.post()) == 1


async def test_an_address_is_confirmed_by_the_code_of_a_letter(authority: Authority) -> None:
    account = await authority.account()
    recovery = authority.auth.recovery
    await recovery.ask_to_verify(account)
    first = await code(authority)
    await recovery.ask_to_verify(account)
    second = await code(authority)
    with pytest.raises(Invalid):
        await recovery.verify(first, HERE)
    assert (await recovery.verify(second, HERE)).confirmed_at == authority.clock()
    with pytest.raises(Invalid):
        await recovery.verify(second, HERE)
    assert await authority.store.records.scan(TOKENS.name) == []


async def test_a_code_confirms_the_address_it_was_sent_to_and_no_other(authority: Authority) -> None:
    account = await authority.account()
    await authority.auth.recovery.ask_to_verify(account)
    secret = await code(authority)
    await authority.store.write(lambda tx: change(tx, "ann", email="other@example.org"))
    with pytest.raises(Invalid):
        await authority.auth.recovery.verify(secret, HERE)
    found = await account_of(authority.store.records, "ann")
    assert found is not None
    assert found.confirmed_at is None


@pytest.mark.parametrize("kind", ["reset", "verify"])
async def test_the_code_of_one_letter_does_not_do_for_the_other(authority: Authority, kind: str) -> None:
    account = await authority.account()
    recovery = authority.auth.recovery
    if kind == "reset":
        await recovery.ask_to_verify(account)
        with pytest.raises(Invalid):
            await recovery.reset(await code(authority), OTHER, HERE)
    else:
        await recovery.forgot("ann@example.org", HERE)
        with pytest.raises(Invalid):
            await recovery.verify(await code(authority), HERE)


async def test_the_codes_of_letters_are_no_tokens(authority: Authority) -> None:
    account = await authority.account()
    await authority.auth.recovery.ask_to_verify(account)
    secret = await code(authority)
    with pytest.raises(Unauthenticated):
        await authority.admits(secret)
    with pytest.raises(Unauthenticated):
        await authority.auth.sessions.refresh(secret, HERE)
