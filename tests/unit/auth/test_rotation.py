"""Refresh tokens: one set of rules for sessions and apps."""

from __future__ import annotations

from auth import accounts, grants, rotation
from auth.grants import FIRST_PARTY, Grant
from auth.ports import Transaction
from auth.rotation import GRACE, Presented
from tests.fakes.authority import Authority

DAY = 24 * 3600


async def granted(authority: Authority, client: str = "app") -> str:
    """Keep a grant of a day, and return its refresh token."""
    await authority.account()
    now = authority.clock()
    grant = Grant("g", "smart", "ann", client, now, now + DAY * rotation.SECOND)

    async def work(tx: Transaction) -> str:
        return await rotation.issue(tx, await grants.put(tx, grant))

    return await authority.store.write(work)


async def shown(authority: Authority, secret: str, client: str = "app") -> Presented | None:
    return await authority.store.write(lambda tx: rotation.presented(tx, secret, client))


async def rotated(authority: Authority, secret: str) -> str | None:
    async def work(tx: Transaction) -> str | None:
        found = await rotation.presented(tx, secret, "app")
        assert found is not None
        assert await rotation.replayed(tx, found) is None
        return await rotation.rotate(tx, found, found.grant)

    return await authority.store.write(work)


async def test_a_token_lives_as_long_as_its_grant(authority: Authority) -> None:
    secret = await granted(authority)
    authority.clock.advance(DAY - 1)
    found = await shown(authority, secret)
    assert found is not None
    assert (found.grant.id, found.account.id) == ("g", "ann")
    authority.clock.advance(1)
    assert await shown(authority, secret) is None


async def test_a_token_is_its_client_s_alone_and_ends_with_the_account(authority: Authority) -> None:
    secret = await granted(authority)
    assert await shown(authority, secret, "other") is None
    assert await shown(authority, secret, FIRST_PARTY) is None
    assert await shown(authority, "x") is None
    await authority.store.write(lambda tx: accounts.change(tx, "ann", status="disabled"))
    assert await shown(authority, secret) is None


async def test_a_token_is_followed_by_one_and_gives_access_for_a_moment_still(authority: Authority) -> None:
    secret = await granted(authority)
    fresh = await rotated(authority, secret)
    assert fresh not in (None, secret)
    authority.clock.advance(GRACE / rotation.SECOND)
    assert await rotated(authority, secret) is None
    assert await rotated(authority, fresh or "") is not None


async def test_a_token_that_comes_again_late_ends_its_grant(authority: Authority) -> None:
    secret = await granted(authority)
    fresh = await rotated(authority, secret)
    authority.clock.advance(GRACE / rotation.SECOND + 1)
    found = await shown(authority, secret)
    assert found is not None
    ended = await authority.store.write(lambda tx: rotation.replayed(tx, found))
    assert [each.id for each in ended or ()] == ["g"]
    assert await shown(authority, fresh or "") is None
