"""Wiring: ids, the key of page links, and which settings make no application."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Literal

import pytest

from fhir_server import app
from fhir_server.app import open_tenant
from fhir_server.errors import StoreUnavailable, TooCostly
from fhir_server.interactions.call import ANONYMOUS, Call
from fhir_server.interactions.capabilities import capabilities
from fhir_server.interactions.ids import id_maker
from fhir_server.search.parameters import Registry
from fhir_server.search.query import Date, Query, Target
from fhir_server.settings import Settings
from fhir_server.store.base import Key, Transaction
from profiles.restriction import ALL
from tests.fakes.versions import follow


def test_ids_are_uuids_of_version_7_all_different_and_in_the_order_of_time() -> None:
    new_id = id_maker()
    made = [uuid.UUID(new_id()) for _ in range(1000)]
    assert {each.version for each in made} == {7}
    assert {each.variant for each in made} == {uuid.RFC_4122}
    assert len(set(made)) == 1000
    times = [each.int >> 80 for each in made]
    assert times == sorted(times)


def test_page_links_outlive_a_restart_and_belong_to_one_store(tmp_path: Path) -> None:
    async def secret(name: str) -> bytes:
        async with open_tenant(Settings(store=f"sqlite:///{tmp_path}/{name}.db")) as tenant:
            return tenant.services.secret

    first, again, other = (asyncio.run(secret(name)) for name in ("a", "a", "b"))
    assert first == again
    assert len(first) == 32
    assert first != other


def test_two_tenants_share_nothing_that_changes(tmp_path: Path) -> None:
    async def both() -> None:
        async with open_tenant(Settings(store="memory:")) as one, open_tenant(Settings(store="memory:")) as two:
            assert one.services.store is not two.services.store
            assert one.services.registry is not two.services.registry
            assert one.services.extractor is not two.services.extractor
            assert one.services.validator is not two.services.validator

    asyncio.run(both())


def test_a_store_that_is_open_elsewhere_is_refused(tmp_path: Path) -> None:
    async def twice() -> None:
        settings = Settings(store=f"sqlite:///{tmp_path}/a.db")
        async with open_tenant(settings):
            with pytest.raises(StoreUnavailable):
                async with open_tenant(settings):
                    raise AssertionError("opened twice")

    asyncio.run(twice())


@pytest.mark.parametrize(("audit", "rows"), [("grouped", 0), ("strict", 1)])
def test_the_settings_decide_whether_a_read_waits_for_its_audit_row(
    tmp_path: Path, audit: Literal["grouped", "strict"], rows: int
) -> None:
    async def read_and_look() -> int:
        settings = Settings(store=f"sqlite:///{tmp_path}/a.db", audit=audit)
        async with open_tenant(settings) as tenant:
            before = len(await tenant.services.store.audit_rows())
            await capabilities(Call(tenant.services, ANONYMOUS, "r"))
            return len(await tenant.services.store.audit_rows()) - before

    assert asyncio.run(read_and_look()) == rows


def test_the_settings_bound_what_a_search_may_cost(tmp_path: Path) -> None:
    async def stop() -> None:
        settings = Settings(store=f"sqlite:///{tmp_path}/a.db", read_budget_ms=0.0001, search_budget_s=0.0001)
        async with open_tenant(settings) as tenant:
            store = tenant.services.store
            await store.write(lambda tx: fill(tx, 2000))
            with pytest.raises(TooCostly, match=r"after 0\.0001 seconds"):
                await store.search(Query((Target("Patient"),), 1000), restriction=ALL)

    asyncio.run(stop())


async def fill(tx: Transaction, patients: int) -> None:
    for n in range(patients):
        await follow(tx, Key("Patient", str(n)))


def test_near_in_a_restriction_means_near_the_moment_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    year = 31_556_952 * 1_000_000
    clock = {"now": 50 * year}
    monkeypatch.setattr(app, "system_clock", lambda: clock["now"])
    read = app._criteria(Registry(), "http://localhost/fhir")
    asked = ("Patient", (("birthdate", "ap2000"),))
    first = read(*asked)
    clock["now"] = 90 * year
    later = read(*asked)
    assert isinstance(first, Date)
    assert isinstance(later, Date)
    # A tenth of the 20 and of the 60 years between then and 2000, on either side.
    assert later.low < first.low
    assert later.high > first.high
