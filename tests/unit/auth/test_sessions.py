"""Sessions: sign in, refresh, rotate, sign out; and what those who guess learn from it."""

from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher

from auth import accounts
from auth.accounts import account_of, change
from auth.errors import Missing, TooMany, Unauthenticated
from auth.passwords import Passwords
from auth.ports import Asker
from auth.sessions import REFRESH_SECONDS, WRONG
from auth.throttle import RATES
from tests.fakes.authority import ELSEWHERE, HERE, PASSWORD, Authority


async def refused(authority: Authority, email: str, password: str, asker: Asker = HERE) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await authority.auth.sessions.login(email, password, None, asker)
    return str(caught.value)


async def test_the_right_password_begins_a_session(authority: Authority) -> None:
    account = await authority.account()
    signed = await authority.auth.sessions.login(" ANN@Example.org ", PASSWORD, None, HERE)
    assert signed.account == account
    assert (signed.grant.kind, signed.grant.client, signed.grant.amr) == ("session", "first-party", ("pwd",))
    assert signed.grant.expires - signed.grant.issued == REFRESH_SECONDS * 1_000_000
    assert await authority.admits(signed.access) == "Patient/ann"
    (row,) = await authority.events()
    assert (row.action, row.actor, row.status, list(row.patients)) == ("login", "Patient/ann", 200, ["ann"])


async def test_whoever_guesses_learns_nothing(authority: Authority) -> None:
    await authority.account()
    await authority.account("gone@example.org", status="disabled")
    said = [
        await refused(authority, "ann@example.org", "wrong"),
        await refused(authority, "nobody@example.org", PASSWORD),
        await refused(authority, "gone@example.org", PASSWORD),
        await refused(authority, "no address", PASSWORD),
    ]
    assert set(said) == {WRONG}
    rows = await authority.events()
    assert [(row.action, row.status) for row in rows] == [("login", 401)] * 4
    assert not any("nobody@example.org" in str(row) for row in rows)


async def test_an_account_without_a_password_is_not_entered_by_any(authority: Authority) -> None:
    await authority.account(password=None)
    for password in ("", PASSWORD, "None"):
        assert await refused(authority, "ann@example.org", password) == WRONG


async def test_a_dated_hash_is_made_anew_at_sign_in(authority: Authority) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    await authority.account(password=old)
    await authority.login()
    now = await account_of(authority.store.records, "ann")
    assert now is not None
    assert now.password != old
    await authority.login()


# github.com/riverrun/pbkdf2_elixir, test/base_test.exs, of "p@$$w0rd"; Openwall's crypt_blowfish, wrapper.c, of "U*U".
ELIXIR = (
    "$pbkdf2-sha512$19000$/J9TyllrjRFCyHnvHaMUIg$AJ3Dr926ltK1sOZMZAAoT7EoR7R/Hp.G6Bt.4DFENiYayhVM/ZBPuqjFNhcE9NjTmceTmLnSqzfE"
    "Q8mafy49sw"
)
BLOWFISH = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"


@pytest.mark.parametrize(("encoded", "password"), [(ELIXIR, "p@$$w0rd"), (BLOWFISH, "U*U")])
async def test_a_hash_of_another_platform_lets_in_and_is_made_anew(
    authority: Authority, encoded: str, password: str
) -> None:
    await authority.account(password=encoded)
    assert await refused(authority, "ann@example.org", f"{password}?") == WRONG
    for _ in range(2):
        await authority.auth.sessions.login("ann@example.org", password, None, HERE)
        now = await account_of(authority.store.records, "ann")
        assert now is not None
        assert str(now.password).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_who_has_no_account_is_given_the_work_of_some_scheme_that_accounts_have(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[tuple[str | None, str | None]] = []

    async def verify(self: Passwords, encoded: str | None, password: str, scheme: str | None = None) -> bool:
        worked.append((encoded, scheme))
        return False

    monkeypatch.setattr(Passwords, "verify", verify)
    names = [f"nobody{n}@example.org" for n in range(24)]
    for name in names:
        await refused(authority, name, "x", Asker("r", f"192.0.2.{len(worked)}"))
    assert worked == [(None, None)] * 24
    await authority.account(password=BLOWFISH)
    await authority.account("bob@example.org", password=ELIXIR)
    authority.clock.advance(3600)
    for name in names * 2:
        await refused(authority, name, "x", Asker("r", f"198.51.100.{len(worked)}"))
    schemes = [scheme for _, scheme in worked[24:]]
    assert schemes[:24] == schemes[24:]
    assert set(schemes) == {None, "$2a$05$", "$pbkdf2-sha512$19000$"}


async def test_a_password_that_is_reset_while_somebody_signs_in_stays_reset(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    await authority.account(password=BLOWFISH)
    real = Passwords.hash

    async def hash(self: Passwords, password: str) -> str:
        # Between the look at the old hash and the writing of the new one.
        await authority.store.write(lambda tx: change(tx, "ann", password="reset"))
        return await real(self, password)

    monkeypatch.setattr(Passwords, "hash", hash)
    await authority.auth.sessions.login("ann@example.org", "U*U", None, HERE)
    now = await account_of(authority.store.records, "ann")
    assert now is not None
    assert now.password == "reset"


async def test_guessing_from_one_address_is_stopped_though_in_parallel(authority: Authority) -> None:
    await authority.account()
    guesses = (authority.auth.sessions.login("ann@example.org", f"guess {n}", None, HERE) for n in range(30))
    ended = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(each, Unauthenticated) for each in ended) == RATES["failure-pair"].amount
    assert sum(isinstance(each, TooMany) for each in ended) == 30 - RATES["failure-pair"].amount
    with pytest.raises(TooMany):
        await authority.login()


async def test_an_attacker_does_not_lock_the_owner_out(authority: Authority) -> None:
    await authority.account()
    await authority.login(asker=HERE)
    stopped = 0
    for n in range(RATES["failure-strangers"].amount + 20):
        attacker = Asker(f"a{n}", f"203.0.113.{n}", "attack")
        try:
            await authority.auth.sessions.login("ann@example.org", "guess", None, attacker)
        except TooMany:
            stopped += 1
        except Unauthenticated:
            pass
    assert stopped == 20
    assert (await authority.login(asker=HERE)).account.id == "ann"


async def test_a_success_clears_what_was_counted_for_the_pair(authority: Authority) -> None:
    await authority.account()
    for _ in range(3):
        for _ in range(RATES["failure-pair"].amount - 1):
            await refused(authority, "ann@example.org", "typo", HERE)
        await authority.login(asker=HERE)


async def test_many_right_sign_ins_from_one_address_are_fine(authority: Authority) -> None:
    await authority.account()
    for _ in range(RATES["failure-address"].amount + 5):
        await authority.login()


async def test_a_refresh_token_stays_good_until_its_thirty_days_end(authority: Authority) -> None:
    await authority.account()
    signed = await authority.login()
    assert signed.refresh is not None
    for _ in range(3):
        authority.clock.advance(9 * 24 * 3600)
        again = await authority.auth.sessions.refresh(signed.refresh, HERE)
        assert again.refresh is None
        assert await authority.admits(again.access) == "Patient/ann"
    authority.clock.advance(3 * 24 * 3600)
    with pytest.raises(Unauthenticated):
        await authority.auth.sessions.refresh(signed.refresh, HERE)


async def test_rotation_gives_a_new_token_and_a_replay_ends_the_family(authority: Authority) -> None:
    await authority.account()
    signed = await authority.login()
    sessions = authority.auth.sessions
    assert signed.refresh is not None
    second = await sessions.refresh(signed.refresh, HERE, rotate=True)
    assert second.refresh not in (None, signed.refresh)
    third = await sessions.refresh(second.refresh or "", HERE, rotate=True)
    authority.clock.advance(31)
    assert await authority.admits(third.access) == "Patient/ann"
    with pytest.raises(Unauthenticated):
        await sessions.refresh(signed.refresh, ELSEWHERE)
    for access in (signed.access, second.access, third.access):
        with pytest.raises(Unauthenticated):
            await authority.admits(access)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(third.refresh or "", HERE)
    replay = (await authority.events())[-1]
    assert (replay.action, replay.status, replay.details["reason"]) == ("refresh", 401, "replayed refresh token")


async def test_five_at_once_rotate_once_and_none_is_cut_off(authority: Authority) -> None:
    await authority.account()
    signed = await authority.login()
    asked = (authority.auth.sessions.refresh(signed.refresh or "", HERE, rotate=True) for _ in range(5))
    answers = await asyncio.gather(*asked)
    assert sum(each.refresh is not None for each in answers) == 1
    for each in answers:
        assert await authority.admits(each.access) == "Patient/ann"


@pytest.mark.parametrize("kind", ["access", "sid", "nonsense"])
async def test_nothing_else_is_a_refresh_token(authority: Authority, kind: str) -> None:
    await authority.account()
    signed = await authority.login()
    token = {"access": signed.access, "sid": signed.grant.id, "nonsense": "x" * 100_000}[kind]
    with pytest.raises(Unauthenticated):
        await authority.auth.sessions.refresh(token, HERE)


async def test_a_refresh_token_dies_with_its_session_and_its_account(authority: Authority) -> None:
    await authority.account()
    one, two = await authority.login(), await authority.login()
    await authority.auth.sessions.logout(one.grant, one.account, HERE)
    with pytest.raises(Unauthenticated):
        await authority.auth.sessions.refresh(one.refresh or "", HERE)
    await authority.auth.sessions.refresh(two.refresh or "", HERE)
    await authority.store.write(lambda tx: change(tx, "ann", status="disabled"))
    with pytest.raises(Unauthenticated):
        await authority.auth.sessions.refresh(two.refresh or "", HERE)


async def test_sessions_are_listed_and_ended_one_by_one_by_their_owner(authority: Authority) -> None:
    ann, ben = await authority.account(), await authority.account("ben@example.org")
    first = await authority.login()
    authority.clock.advance(1)
    second = await authority.login()
    sessions = authority.auth.sessions
    assert [each.id for each in await sessions.listed(ann, authority.clock())] == [second.grant.id, first.grant.id]
    for name, account in ((first.grant.id, ben), ("nothing", ann)):
        with pytest.raises(Missing):
            await sessions.revoke(account, name, HERE)
    await sessions.revoke(ann, first.grant.id, HERE)
    assert [each.id for each in await sessions.listed(ann, authority.clock())] == [second.grant.id]
    with pytest.raises(Unauthenticated):
        await authority.admits(first.access)


async def test_all_sessions_end_together_but_the_one_that_asks(authority: Authority) -> None:
    ann = await authority.account()
    signed = [await authority.login() for _ in range(3)]
    for each in signed:
        await authority.admits(each.access)
    await authority.auth.sessions.revoke_all(ann, HERE, but=signed[1].grant.id)
    assert await authority.admits(signed[1].access) == "Patient/ann"
    for each in (signed[0], signed[2]):
        with pytest.raises(Unauthenticated):
            await authority.admits(each.access)


async def test_accounts_that_wait_may_sign_in(authority: Authority) -> None:
    await authority.account("doc@example.org", "doctor", "pending")
    signed = await authority.login("doc@example.org")
    assert signed.account.status == "pending"
    assert accounts.TYPES[signed.account.role] == "Practitioner"


async def test_a_replay_is_told_to_the_owner(authority: Authority) -> None:
    await authority.account(locale="en")
    signed = await authority.login()
    await authority.auth.sessions.refresh(signed.refresh or "", HERE, rotate=True)
    authority.clock.advance(31)
    with pytest.raises(Unauthenticated):
        await authority.auth.sessions.refresh(signed.refresh or "", ELSEWHERE)
    (letter,) = await authority.post()
    assert letter.subject == "A session was ended for safety"
