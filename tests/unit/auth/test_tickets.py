"""Tickets: once, for a moment, for the grant they were got by."""

from __future__ import annotations

from auth import tickets
from auth.tables import TOKENS
from tests.fakes.authority import Authority


async def test_a_ticket_counts_once(authority: Authority) -> None:
    store = authority.auth.store
    ticket = await tickets.issue(store, "a", "g", 5_000)
    assert await tickets.redeem(store, ticket) == ("g", 5_000)
    assert await tickets.redeem(store, ticket) is None
    assert await tickets.redeem(store, "x") is None


async def test_it_counts_for_a_moment(authority: Authority) -> None:
    store = authority.auth.store
    ticket = await tickets.issue(store, "a", "g", 5_000)
    authority.clock.now += tickets.SECONDS * 1_000_000
    assert await tickets.redeem(store, ticket) is None


async def test_who_reads_the_table_cannot_use_it(authority: Authority) -> None:
    ticket = await tickets.issue(authority.auth.store, "a", "g", 5_000)
    rows = await authority.auth.store.records.scan(TOKENS.name)
    assert all(ticket not in str(row.value) and ticket != row.key for row in rows)
