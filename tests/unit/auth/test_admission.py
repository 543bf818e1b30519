"""Who is admitted: verified, looked up, remembered for a moment, and forgotten at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from auth import grants
from auth.accounts import change
from auth.admission import REMEMBERED, Admitted
from auth.errors import Unauthenticated
from auth.grants import Grant
from tests.fakes.authority import HERE, Authority


async def test_a_token_admits_its_account(authority: Authority) -> None:
    await authority.account()
    signed = await authority.login()
    found = await authority.auth.admission.admit(signed.access)
    assert (found.principal, found.grant, found.account) == ("Patient/ann", signed.grant, signed.account)


async def test_a_refresh_token_and_an_old_session_admit_nobody(authority: Authority) -> None:
    await authority.account()
    signed = await authority.login()
    for token in (signed.refresh or "", signed.grant.id, "ann"):
        with pytest.raises(Unauthenticated):
            await authority.admits(token)


async def test_a_hit_does_not_look_at_the_store(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    await authority.account()
    signed = await authority.login()
    await authority.admits(signed.access)

    def closed() -> None:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(authority.auth.admission, "_records", closed)
    assert await authority.admits(signed.access) == "Patient/ann"
    authority.clock.advance(REMEMBERED / 1_000_000)
    with pytest.raises(AssertionError):
        await authority.admits(signed.access)


async def test_after_sign_out_the_very_next_request_is_refused(authority: Authority) -> None:
    await authority.account()
    one, two = await authority.login(), await authority.login()
    for signed in (one, two):
        await authority.admits(signed.access)
    await authority.auth.sessions.logout(one.grant, one.account, HERE)
    with pytest.raises(Unauthenticated):
        await authority.admits(one.access)
    assert await authority.admits(two.access) == "Patient/ann"


async def test_another_process_learns_of_a_revocation_within_five_seconds(authority: Authority) -> None:
    await authority.account()
    signed = await authority.login()
    await authority.admits(signed.access)
    await authority.store.write(lambda tx: grants.revoke(tx, signed.grant.id))
    authority.clock.advance(5)
    with pytest.raises(Unauthenticated):
        await authority.admits(signed.access)


async def test_a_disabled_account_is_refused_once_it_is_forgotten(authority: Authority) -> None:
    await authority.account()
    signed = await authority.login()
    await authority.admits(signed.access)
    await authority.store.write(lambda tx: change(tx, "ann", status="disabled"))
    authority.auth.admission.forget(account="ann")
    with pytest.raises(Unauthenticated):
        await authority.admits(signed.access)


async def test_what_is_revoked_while_it_is_looked_up_is_not_remembered(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    await authority.account()
    signed = await authority.login()
    admission = authority.auth.admission
    look = admission._look

    async def slow(token: str, now: int) -> Admitted[str]:
        found = await look(token, now)
        await asyncio.sleep(0.02)
        return found

    monkeypatch.setattr(admission, "_look", slow)
    asking = asyncio.create_task(admission.admit(signed.access))
    await asyncio.sleep(0.01)
    await authority.auth.sessions.logout(signed.grant, signed.account, HERE)
    await asking
    with pytest.raises(Unauthenticated):
        await admission.admit(signed.access)


async def test_forgetting_everybody_costs_everybody_one_look(authority: Authority) -> None:
    await authority.account()
    signed = await authority.login()
    await authority.admits(signed.access)
    authority.auth.admission.forget()
    assert authority.auth.admission._known == {}
    assert await authority.admits(signed.access) == "Patient/ann"


async def test_what_a_token_for_less_opens_stays_less_and_shrinks_with_the_grant(authority: Authority) -> None:
    now = authority.clock()
    grant = Grant("g", "smart", None, "app", now, now + 10**9, scopes=("user/Patient.rs", "user/Observation.rs"))
    await authority.store.write(lambda tx: grants.put(tx, grant))
    standing, ends = authority.auth.admission.standing, grant.expires

    async def scopes(*token: str) -> set[str]:
        return set((await standing("g", ends, token)).grant.scopes)

    assert (await standing("g", ends, None)).grant == grant
    assert await scopes(*grant.scopes) == set(grant.scopes)
    assert await scopes("user/Patient.r") == {"user/Patient.r"}
    less = replace(grant, scopes=("user/Patient.rs?name=Ann", "user/Condition.rs"))
    await authority.store.write(lambda tx: grants.put(tx, less))
    assert await scopes("user/Patient.r") == {"user/Patient.r?name=Ann"}
    assert await scopes("user/Observation.rs") == set()
    await authority.store.write(lambda tx: grants.revoke(tx, "g"))
    with pytest.raises(Unauthenticated):
        await scopes("user/Patient.r")
