"""Grants live until they expire or are revoked, and not a moment longer."""

from __future__ import annotations

from auth import grants
from auth.grants import FIRST_PARTY, Grant, grant_of, grants_of
from tests.fakes.authority import Authority


async def test_a_grant_is_read_back_as_it_was_kept(authority: Authority) -> None:
    now = authority.clock()
    made = Grant(
        "g", "smart", "ann", "app", now, now + 10, ("patient/*.rs",), "ann", "e", "BTG", "why", None, ("pwd",), "eidas1"
    )
    await authority.store.write(lambda tx: grants.put(tx, made))
    assert await grant_of(authority.store.records, "g") == made


async def test_a_grant_ends_when_it_expires_and_when_it_is_revoked(authority: Authority) -> None:
    now = authority.clock()
    for name in ("a", "b"):
        made = Grant(name, "session", "ann", FIRST_PARTY, now, now + 1_000_000)
        await authority.store.write(lambda tx, made=made: grants.put(tx, made))
    revoked = await authority.store.write(lambda tx: grants.revoke(tx, "a"))
    assert revoked is not None
    assert not revoked.is_alive(now)
    assert await authority.store.write(lambda tx: grants.revoke(tx, "a")) is None
    other = await grant_of(authority.store.records, "b")
    assert other is not None
    assert other.is_alive(now + 999_999)
    assert not other.is_alive(now + 1_000_000)
    # It is known for a while yet, so that its end can be told from a token that never was.
    authority.clock.advance(3600)
    assert await grant_of(authority.store.records, "b") == other
    authority.clock.advance(24 * 3600)
    assert await grant_of(authority.store.records, "b") is None


async def test_all_but_one_are_revoked(authority: Authority) -> None:
    await authority.account()
    signed = []
    for _ in range(3):
        signed.append(await authority.login())
        authority.clock.advance(1)
    revoked = await authority.store.write(lambda tx: grants.revoke_all(tx, "ann", signed[1].grant.id))
    assert {each.id for each in revoked} == {signed[0].grant.id, signed[2].grant.id}
    found = await grants_of(authority.store.records, "ann")
    assert [each.id for each in found] == [each.grant.id for each in reversed(signed)]
    assert [each.is_alive(authority.clock()) for each in found] == [False, True, False]
