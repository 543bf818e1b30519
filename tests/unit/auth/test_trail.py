"""The trail: rows ride with a transaction, or alone."""

from __future__ import annotations

import pytest

from auth.ports import Event, Transaction
from auth.trail import Trail
from tests.fakes.authority import HERE, Authority, audit_row


async def test_a_row_of_a_transaction_goes_with_it(authority: Authority) -> None:
    trail = authority.auth.trail

    async def work(tx: Transaction) -> None:
        await trail.note(Event("test", "ann", HERE), tx)
        raise ValueError

    with pytest.raises(ValueError):
        await authority.store.write(work)
    assert await authority.events() == []


async def test_a_row_alone_is_waited_for_when_asked(authority: Authority) -> None:
    trail = Trail(authority.store, audit_row, authority.clock, waits=True)
    await trail.note(Event("test", "ann", HERE, 401, "Patient/ann", ("ann",), {"why": "x"}))
    ((_, row),) = await authority.store.audit_rows()
    assert (row.action, row.status, row.request, row.details) == ("test", 401, "request-1", {"why": "x"})
    assert row.time == authority.clock()
