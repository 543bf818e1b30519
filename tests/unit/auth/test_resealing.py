"""All secrets of a store, sealed anew."""

from __future__ import annotations

import pyotp
import pytest

from auth.accounts import Totp, account_of
from auth.keys import Keys
from auth.resealing import reseal
from auth.sealing import Seal, Unsealable
from auth.tables import ACCOUNTS, SIGNING_KEYS
from tests.fakes.authority import HERE, PASSWORD, SEAL, Authority, pem

OTHER = b"o" * 32


def code(authority: Authority, secret: str) -> str:
    return pyotp.TOTP(secret).at(authority.clock() // 1_000_000)


async def kept(authority: Authority) -> str:
    """Return what is in the tables of keys and accounts, as text."""
    records = authority.store.records
    rows = [*await records.scan(SIGNING_KEYS.name), *await records.scan(ACCOUNTS.name)]
    return "\n".join(str(row.value) for row in rows)


async def test_neither_keys_nor_second_factors_can_be_read_in_the_store(authority: Authority) -> None:
    account = await authority.account()
    begun = await authority.auth.factors.begin(account, PASSWORD, HERE)
    await authority.login()
    await authority.auth.keys.rotate()
    text = await kept(authority)
    assert begun.secret not in text
    assert "PRIVATE KEY" not in text
    assert text.count("sealed:") == 3


async def test_a_new_key_opens_all_that_the_one_before_has_sealed(authority: Authority) -> None:
    account = await authority.account()
    begun = await authority.auth.factors.begin(account, PASSWORD, HERE)
    await authority.auth.factors.confirm(account, code(authority, begun.secret), HERE)
    signing = await authority.auth.keys.signing()
    both = Seal([OTHER, b"k" * 32])
    assert await authority.store.write(lambda tx: reseal(tx, both)) == 2
    found = await account_of(authority.store.records, account.id)
    assert found is not None
    assert found.totp is not None
    assert Seal([OTHER]).open(found.totp.secret, f"totp/{account.id}") == begun.secret
    again = Keys(authority.store, authority.clock, Seal([OTHER]))
    await again.learn()
    assert (await again.signing()).pem == signing.pem
    with pytest.raises(Unsealable):
        await Keys(authority.store, authority.clock, SEAL).learn()


async def test_a_key_that_is_not_at_hand_changes_nothing(authority: Authority) -> None:
    await authority.auth.keys.signing()
    before = await kept(authority)
    with pytest.raises(Unsealable):
        await authority.store.write(lambda tx: reseal(tx, Seal([OTHER])))
    assert await kept(authority) == before


async def test_what_is_lost_is_given_up_and_the_rest_stays(authority: Authority) -> None:
    account = await authority.account()
    begun = await authority.auth.factors.begin(account, PASSWORD, HERE)
    recovery = await authority.auth.factors.confirm(account, code(authority, begun.secret), HERE)
    await authority.auth.keys.signing()
    assert await authority.store.write(lambda tx: reseal(tx, Seal([OTHER]), lost=True)) == 1
    assert list(await authority.store.records.scan(SIGNING_KEYS.name)) == []
    found = await account_of(authority.store.records, account.id)
    assert found is not None
    assert found.totp is not None
    assert found.totp.confirmed
    assert Seal([OTHER]).open(found.totp.secret, f"totp/{account.id}") != begun.secret
    assert len(found.recovery) == len(recovery)


async def test_what_lay_open_is_sealed_when_the_store_is_opened(authority: Authority) -> None:
    account = await authority.account(totp=Totp("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", confirmed=True))
    value = {"pem": pem(), "made": 1, "starts": 1, "ends": None}
    await authority.store.write(lambda tx: tx.records.put(SIGNING_KEYS.name, "old", value))
    keys = Keys(authority.store, authority.clock, SEAL)
    await keys.learn()
    assert (await keys.signing()).pem == pem()
    text = await kept(authority)
    assert "PRIVATE KEY" not in text
    assert "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" not in text
    signed = await authority.login(code=code(authority, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"))
    assert signed.account.id == account.id
