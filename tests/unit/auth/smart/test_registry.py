"""Registered apps as rows: kept, read back, listed, and known by a secret that is kept as its digest."""

from __future__ import annotations

from dataclasses import replace

from auth.smart.registry import Registry, has_secret, keep, with_secret
from auth.tables import CLIENTS
from tests.fakes.apps import Apps, known


async def test_an_app_is_read_back_as_it_was_kept(apps: Apps) -> None:
    made = await apps.service(
        keys_url="https://keys.example/", refresh_days=7, ehr=True, launch_uris=("https://a.example/",)
    )
    assert await apps.smart.registry.client(apps.authority.store.records, "service") == made
    assert await apps.smart.registry.client(apps.authority.store.records, "nobody") is None


async def test_every_app_is_listed_page_by_page(apps: Apps) -> None:
    wanted = {f"app-{number:03}" for number in range(230)}
    for id in sorted(wanted):
        await apps.client(id)
    found = [client.id async for client in apps.smart.registry.every(apps.authority.store.records)]
    assert found == sorted(wanted | {"app"})


async def test_a_scope_goes_with_the_search_parameter_it_rests_on(apps: Apps) -> None:
    await apps.client(scopes="patient/Patient.rs patient/Observation.rs?category=x")
    forgetful = Registry(lambda type, name: False)
    client = await forgetful.client(apps.authority.store.records, "app")
    assert client is not None
    assert str(client.scopes) == "patient/Patient.rs"
    assert known("Observation", "category")


async def test_a_secret_is_shown_once_and_kept_as_a_digest(apps: Apps) -> None:
    client, secret = with_secret(await apps.client(method="client_secret_basic"))
    await apps.authority.store.write(lambda tx: keep(tx, client))
    record = await apps.authority.store.records.get(CLIENTS.name, "app")
    assert record is not None
    assert secret not in str(record.value)
    assert has_secret(client, secret)
    assert not has_secret(client, secret[:-1])
    assert not has_secret(None, secret)
    assert not has_secret(replace(client, secret=None), "")
