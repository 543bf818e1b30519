"""Opaque tokens: the table has their digest alone."""

from __future__ import annotations

import hashlib

from auth import opaque
from auth.ports import Transaction
from auth.tables import TOKENS
from tests.fakes.authority import Authority


async def test_the_secret_is_not_in_the_table(authority: Authority) -> None:
    secret = await authority.store.write(lambda tx: opaque.issue(tx, "reset", 60, account="ann"))
    assert len(secret) >= 43
    (record,) = await authority.store.records.scan(TOKENS.name)
    assert record.key == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(record)


async def test_a_token_is_found_by_its_secret_and_kind_until_it_ends(authority: Authority) -> None:
    secret = await authority.store.write(lambda tx: opaque.issue(tx, "reset", 60, account="ann", data={"n": 1}))
    records = authority.store.records
    found = await opaque.find(records, "reset", secret)
    assert found is not None
    assert (found.account, found.grant, found.used, found.data) == ("ann", None, 0, {"n": 1})
    assert await opaque.find(records, "refresh", secret) is None
    for other in ("", secret[:-1], secret + "x", found.key, "x" * 100_000, "\udcff"):
        assert await opaque.find(records, "reset", other) is None
    authority.clock.advance(60)
    assert await opaque.find(records, "reset", secret) is None


async def test_all_of_a_kind_are_forgotten_together(authority: Authority) -> None:
    wanted: tuple[tuple[opaque.Kind, str], ...] = (("reset", "a"), ("verify", "a"), ("reset", "b"))

    async def work(tx: Transaction) -> list[str]:
        made = [await opaque.issue(tx, kind, 60, account=account) for kind, account in wanted]
        await opaque.drop(tx, "a", "reset")
        return made

    secrets = await authority.store.write(work)
    records = authority.store.records
    found = [await opaque.find(records, kind, secret) for (kind, _), secret in zip(wanted, secrets, strict=True)]
    assert [each is None for each in found] == [True, False, False]
