"""The audit chain: every row once, in order, without gaps, with the work it tells of."""

from __future__ import annotations

import asyncio

import pytest

from fhir_server.store.base import AuditRow, Key, Store
from tests.fakes.patience import until
from tests.fakes.versions import follow


def row(n: int) -> AuditRow:
    return AuditRow(n, "alice", "read", f"Patient/{n}", 200, f"request-{n}", (str(n),), {"matches": n})


async def test_rows_come_back_in_order_without_gaps(store: Store):
    for n in range(5):
        await store.audit(row(n))
    await store.audit(row(5), wait=True)
    assert await store.audit_rows() == [(n + 1, row(n)) for n in range(6)]
    assert await store.audit_rows(after=2, limit=2) == [(3, row(2)), (4, row(3))]


async def test_a_row_that_nobody_waits_for_is_durable_soon(store: Store):
    await store.audit(row(1))

    async def durable() -> bool:
        return bool(await store.audit_rows())

    await until(durable)
    assert await store.audit_rows() == [(1, row(1))]


async def test_a_failed_work_leaves_no_row_and_no_gap(store: Store):
    async def work(tx, n: int):
        await follow(tx, Key("Patient", str(n)))
        await tx.audit(row(n))
        if n == 2:
            raise ValueError

    results = await asyncio.gather(
        *(store.write(lambda tx, n=n: work(tx, n)) for n in (1, 2, 3)), return_exceptions=True
    )
    assert isinstance(results[1], ValueError)
    assert await store.audit_rows() == [(1, row(1)), (2, row(3))]


async def test_rows_of_reads_and_writes_share_one_chain(store: Store):
    async def work(tx, n: int):
        await tx.audit(row(n))

    for n in range(0, 20, 2):
        await store.audit(row(n))
        await store.write(lambda tx, n=n: work(tx, n + 1))
    rows = await store.audit_rows()
    assert [sequence for sequence, _ in rows] == list(range(1, 21))
    assert sorted(each.time for _, each in rows) == list(range(20))
    assert await store.check() == []


@pytest.mark.parametrize("wait", [True, False])
async def test_many_rows_at_once(store: Store, wait: bool):
    await asyncio.gather(*(store.audit(row(n), wait=wait) for n in range(300)))
    await store.audit(row(300), wait=True)
    assert len(await store.audit_rows(limit=1000)) == 301


async def test_fifty_writers_make_one_chain(store: Store):
    async def writer(n: int):
        async def work(tx):
            await tx.audit(row(n))

        for turn in range(10):
            await (store.audit(row(n), wait=turn % 3 == 0) if turn % 2 else store.write(work))

    await asyncio.gather(*(writer(n) for n in range(50)))
    await store.audit(row(50), wait=True)
    rows = await store.audit_rows(limit=1000)
    assert [sequence for sequence, _ in rows] == list(range(1, 502))
    assert sorted(each.time for _, each in rows) == sorted([*(n for n in range(50) for _ in range(10)), 50])
    assert await store.check() == []
