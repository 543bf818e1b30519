"""Who is signed in in a browser: as long as the session lives, and by no other secret."""

from __future__ import annotations

from auth.smart import browser
from tests.fakes.apps import Apps
from tests.fakes.authority import HERE


async def test_somebody_is_known_by_the_secret_until_the_session_ends(apps: Apps) -> None:
    who, secret = await apps.signed_in()
    records, clock = apps.authority.store.records, apps.authority.clock
    assert await browser.who(records, secret, clock()) == who
    assert await browser.who(records, browser.stranger(), clock()) is None
    assert await browser.who(records, "", clock()) is None
    await apps.authority.auth.sessions.logout(who.grant, who.account, HERE)
    assert await browser.who(records, secret, clock()) is None


async def test_a_browser_is_forgotten_after_half_a_day(apps: Apps) -> None:
    _who, secret = await apps.signed_in()
    apps.authority.clock.advance(12 * 3600 + 1)
    assert await browser.who(apps.authority.store.records, secret, apps.authority.clock()) is None


async def test_signing_out_ends_the_session_and_the_secret(apps: Apps) -> None:
    who, secret = await apps.signed_in()
    store = apps.authority.store
    assert [each.id for each in await store.write(lambda tx: browser.forget(tx, secret))] == [who.grant.id]
    assert await browser.who(store.records, secret, apps.authority.clock()) is None
    assert await store.write(lambda tx: browser.forget(tx, secret)) == []


async def test_no_other_token_is_taken_for_a_browsers_secret(apps: Apps) -> None:
    signed = await apps.authority.login()
    assert signed.refresh is not None
    assert await browser.who(apps.authority.store.records, signed.refresh, apps.authority.clock()) is None
