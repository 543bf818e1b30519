"""A request under way: for ten minutes, in the browser that it began in, and ended once."""

from __future__ import annotations

from auth.smart import pending
from auth.tables import AUTHORIZATIONS
from tests.fakes.apps import Apps


async def test_a_request_is_found_by_its_own_browser_alone(apps: Apps) -> None:
    store = apps.authority.store
    begun = await store.write(lambda tx: pending.begin(tx, apps.asked(), "secret"))
    assert await pending.find(store.records, begun.id, "secret") == begun
    assert await pending.find(store.records, begun.id, "other") is None
    assert await pending.find(store.records, begun.id, "") is None
    record = await store.records.get(AUTHORIZATIONS.name, begun.id)
    assert record is not None
    assert "secret" not in str(record.value)


async def test_a_change_does_not_make_a_request_live_longer(apps: Apps) -> None:
    store, clock = apps.authority.store, apps.authority.clock
    begun = await store.write(lambda tx: pending.begin(tx, apps.asked(), "secret"))
    clock.advance(9 * 60)
    changed = await store.write(lambda tx: pending.keep(tx, begun, patient="ann"))
    assert await pending.find(store.records, begun.id, "secret") == changed
    clock.advance(2 * 60)
    assert await pending.find(store.records, begun.id, "secret") is None


async def test_a_request_ends_once(apps: Apps) -> None:
    store = apps.authority.store
    begun = await store.write(lambda tx: pending.begin(tx, apps.asked(), "secret"))
    assert [await store.write(lambda tx: pending.end(tx, begun)) for _ in range(2)] == [True, False]
    assert await pending.find(store.records, begun.id, "secret") is None
