"""The origins of registered apps, known as soon as an app is registered and no longer than it is let in."""

from __future__ import annotations

from tests.fakes.apps import Apps
from tests.fakes.authority import HERE

CHART = {
    "client_name": "Chart",
    "redirect_uris": ["https://chart.example/back"],
    "launch_uris": ["http://127.0.0.1:8/l"],
}


async def test_origins_come_and_go_with_their_apps(apps: Apps) -> None:
    origins = apps.smart.origins
    assert not origins.registered(b"https://chart.example")
    made = await apps.smart.registration.add(CHART, "Person/root", HERE)
    await origins.settle()
    assert origins.registered(b"https://chart.example")
    assert origins.registered(b"http://127.0.0.1:8")
    assert not origins.registered(b"https://chart.example.evil.example")
    assert not origins.registered(b"null")
    await apps.smart.registration.disable(made.client.id, "Person/root", HERE)
    await origins.settle()
    assert not origins.registered(b"https://chart.example")


async def test_an_app_of_its_own_scheme_has_no_origin(apps: Apps) -> None:
    await apps.client(redirect_uris=("org.example.app:/back",))
    await apps.smart.origins.learn()
    assert not apps.smart.origins.registered(b"org.example.app://")
