"""Passkeys, with an authenticator in software."""

from __future__ import annotations

from typing import Any

import pytest

from auth.accounts import Account, change
from auth.errors import Conflicting, Missing, Unauthenticated
from auth.passkeys import MOST, Passkey
from auth.tables import PASSKEYS
from tests.fakes.authenticator import Authenticator
from tests.fakes.authority import HERE, Authority

ORIGIN, SITE = "https://app.example", "app.example"


async def registered(authority: Authority, account: Account, device: Authenticator) -> Passkey:
    passkeys = authority.auth.passkeys
    asked = await passkeys.begin_registration(account)
    return await passkeys.register(account, asked.session, device.create(dict(asked.options)), "phone", HERE)


async def entered(authority: Authority, device: Authenticator) -> str:
    passkeys = authority.auth.passkeys
    asked = await passkeys.begin_login()
    return (await passkeys.login(asked.session, device.get(dict(asked.options)), HERE)).account.id


async def test_a_passkey_is_added_by_who_is_signed_in_and_signs_in_alone(authority: Authority) -> None:
    account = await authority.account()
    device = Authenticator(ORIGIN, SITE)
    made = await registered(authority, account, device)
    assert (made.label, made.account) == ("phone", "ann")
    asked = await authority.auth.passkeys.begin_login()
    signed = await authority.auth.passkeys.login(asked.session, device.get(dict(asked.options)), HERE)
    assert (signed.account.id, signed.grant.amr) == ("ann", ("hwk", "user", "mfa"))
    assert await authority.admits(signed.access) == "Patient/ann"
    assert [row.action for row in await authority.events()] == ["add-passkey", "login"]


async def test_the_browser_is_asked_for_a_verified_user_and_no_device_twice(authority: Authority) -> None:
    account = await authority.account()
    device = Authenticator(ORIGIN, SITE)
    await registered(authority, account, device)
    asked = await authority.auth.passkeys.begin_registration(account)
    assert asked.options["rp"]["id"] == SITE
    assert asked.options["authenticatorSelection"]["userVerification"] == "required"
    assert len(asked.options["excludeCredentials"]) == 1
    with pytest.raises(Conflicting):
        await registered(authority, account, device)


async def test_a_challenge_is_good_once_for_its_purpose_and_its_time(authority: Authority) -> None:
    account = await authority.account()
    device = Authenticator(ORIGIN, SITE)
    await registered(authority, account, device)
    passkeys = authority.auth.passkeys
    asked = await passkeys.begin_login()
    answer = device.get(dict(asked.options))
    await passkeys.login(asked.session, answer, HERE)
    for session in (asked.session, "", "x", (await passkeys.begin_registration(account)).session):
        with pytest.raises(Unauthenticated):
            await passkeys.login(session, answer, HERE)
    late = await passkeys.begin_login()
    authority.clock.advance(301)
    with pytest.raises(Unauthenticated):
        await passkeys.login(late.session, device.get(dict(late.options)), HERE)


@pytest.mark.parametrize(
    ("origin", "site", "verifies"),
    [
        ("https://evil.example", SITE, True),
        ("http://app.example", SITE, True),
        (ORIGIN, "evil.example", True),
        (ORIGIN, SITE, False),
    ],
)
async def test_another_page_another_site_and_a_device_that_asks_nobody_are_refused(
    authority: Authority, origin: str, site: str, verifies: bool
) -> None:
    account = await authority.account()
    device = Authenticator(origin, site, verifies=verifies)
    with pytest.raises(Unauthenticated):
        await registered(authority, account, device)
    device = Authenticator(ORIGIN, SITE)
    await registered(authority, account, device)
    device.origin, device.site, device.verifies = origin, site, verifies
    with pytest.raises(Unauthenticated):
        await entered(authority, device)


async def test_another_key_under_the_same_name_and_a_copied_one_are_refused(authority: Authority) -> None:
    account = await authority.account()
    device, other = Authenticator(ORIGIN, SITE), Authenticator(ORIGIN, SITE)
    await registered(authority, account, device)
    assert await entered(authority, device) == "ann"
    other.id = device.id
    with pytest.raises(Unauthenticated):
        await entered(authority, other)
    device.count -= 1
    with pytest.raises(Unauthenticated):
        await entered(authority, device)
    unknown = Authenticator(ORIGIN, SITE)
    with pytest.raises(Unauthenticated):
        await entered(authority, unknown)


@pytest.mark.parametrize("answer", [{}, {"id": 5}, {"id": "x", "rawId": None}, {"response": []}])
async def test_nonsense_is_refused(authority: Authority, answer: dict[str, Any]) -> None:
    account = await authority.account()
    device = Authenticator(ORIGIN, SITE)
    made = await registered(authority, account, device)
    for given in (answer, answer | {"id": made.id}):
        asked = await authority.auth.passkeys.begin_login()
        with pytest.raises(Unauthenticated):
            await authority.auth.passkeys.login(asked.session, given, HERE)
        begun = await authority.auth.passkeys.begin_registration(account)
        with pytest.raises(Unauthenticated):
            await authority.auth.passkeys.register(account, begun.session, given, "x", HERE)


async def test_a_passkey_enters_no_disabled_account_and_is_removed_by_its_owner_alone(authority: Authority) -> None:
    ann, ben = await authority.account(), await authority.account("ben@example.org")
    device = Authenticator(ORIGIN, SITE)
    made = await registered(authority, ann, device)
    passkeys = authority.auth.passkeys
    with pytest.raises(Missing):
        await passkeys.remove(ben, made.id, HERE)
    await authority.store.write(lambda tx: change(tx, "ann", status="disabled"))
    with pytest.raises(Unauthenticated):
        await entered(authority, device)
    await authority.store.write(lambda tx: change(tx, "ann", status="active"))
    assert await entered(authority, device) == "ann"
    await passkeys.remove(ann, made.id, HERE)
    assert await passkeys.listed(ann) == []
    with pytest.raises(Unauthenticated):
        await entered(authority, device)


async def test_an_account_has_so_many_and_no_more(authority: Authority) -> None:
    account = await authority.account()
    for _ in range(MOST):
        await registered(authority, account, Authenticator(ORIGIN, SITE))
    with pytest.raises(Conflicting):
        await registered(authority, account, Authenticator(ORIGIN, SITE))
    assert len(await authority.store.records.find(PASSKEYS.name, "account", "ann")) == MOST
