"""Launch handles: for one app and one user, for five minutes, once."""

from __future__ import annotations

from auth.smart import launches
from auth.smart.launches import Launch
from tests.fakes.apps import Apps

LAUNCH = Launch("app", "ann", "ann", "visit", {"intent": "read"})


async def test_a_handle_is_for_one_app_and_user(apps: Apps) -> None:
    store = apps.authority.store
    handle = await store.write(lambda tx: launches.open_launch(tx, LAUNCH))
    assert await launches.find(store.records, handle, "app", "ann") == LAUNCH
    assert await launches.find(store.records, handle, "other", "ann") is None
    assert await launches.find(store.records, handle, "app", "ben") is None
    assert await launches.find(store.records, handle[:-1], "app", "ann") is None


async def test_a_handle_counts_once_and_for_five_minutes(apps: Apps) -> None:
    store = apps.authority.store
    once, late = [await store.write(lambda tx: launches.open_launch(tx, LAUNCH)) for _ in range(2)]
    assert [await store.write(lambda tx: launches.use(tx, once)) for _ in range(2)] == [True, False]
    assert await launches.find(store.records, once, "app", "ann") is None
    apps.authority.clock.advance(301)
    assert await launches.find(store.records, late, "app", "ann") is None
    assert not await store.write(lambda tx: launches.use(tx, late))
