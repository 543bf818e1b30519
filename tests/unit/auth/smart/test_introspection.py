"""What a token is worth, and to whom that is told."""

from __future__ import annotations

from typing import Any

import pytest

from auth.accounts import change
from auth.smart.introspection import INACTIVE
from tests.fakes.apps import SCOPE, Apps
from tests.fakes.authority import HERE


async def tokens(apps: Apps, **changes: str | None) -> dict[str, Any]:
    _, secret = await apps.signed_in()
    return await apps.exchange(await apps.code(secret, **changes))


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_token_is_told_to_its_own_app(apps: Apps, kind: str) -> None:
    given = await tokens(apps)
    told = await apps.smart.introspection.introspect(given[kind], "app")
    assert told["active"] is True
    assert set(told["scope"].split()) == set(SCOPE.split())
    assert len(told["scope"].split()) == len(SCOPE.split())
    assert (told["client_id"], told["sub"], told["iss"]) == ("app", "ann", "http://example.org/fhir")
    assert (told["patient"], told["fhirUser"]) == ("ann", "http://example.org/fhir/Patient/ann")
    assert told["exp"] > apps.authority.clock() // 1_000_000
    # RFC 9470, 6.2; the account has no second factor.
    assert (told["auth_time"], "acr" in told) == (apps.authority.clock() // 1_000_000, False)


async def test_an_administrator_may_ask_about_any_token(apps: Apps) -> None:
    given = await tokens(apps)
    assert (await apps.smart.introspection.introspect(given["access_token"], None))["active"] is True


async def test_other_apps_learn_nothing(apps: Apps) -> None:
    given = await tokens(apps)
    assert await apps.smart.introspection.introspect(given["access_token"], "other") == INACTIVE


@pytest.mark.parametrize("token", ["", "made-up", "a.b.c", "x" * 9000])
async def test_what_is_no_token_is_inactive_and_no_more(apps: Apps, token: str) -> None:
    assert await apps.smart.introspection.introspect(token, "app") == {"active": False}


async def test_a_token_that_no_longer_counts_is_inactive(apps: Apps) -> None:
    given = await tokens(apps)
    apps.authority.clock.advance(3601)
    assert await apps.smart.introspection.introspect(given["access_token"], "app") == INACTIVE
    assert (await apps.smart.introspection.introspect(given["refresh_token"], "app"))["active"] is True
    await apps.authority.store.write(lambda tx: change(tx, "ann", status="disabled"))
    assert await apps.smart.introspection.introspect(given["refresh_token"], "app") == INACTIVE


async def test_an_id_token_is_no_token_here(apps: Apps) -> None:
    given = await tokens(apps)
    assert await apps.smart.introspection.introspect(given["id_token"], "app") == INACTIVE


async def test_what_a_refresh_narrowed_is_told_as_it_is(apps: Apps) -> None:
    given = await tokens(apps)
    less = await apps.token(
        grant_type="refresh_token", refresh_token=given["refresh_token"], scope="patient/Patient.r", client_id="app"
    )
    assert (await apps.smart.introspection.introspect(less["access_token"], "app"))["scope"] == "patient/Patient.r"
    assert await apps.smart.introspection.introspect(given["refresh_token"], "app") == INACTIVE


async def test_a_service_is_its_own_subject(apps: Apps) -> None:
    await apps.service()
    given = await apps.token(grant_type="client_credentials", scope="system/Patient.r", **apps.assertion())
    told = await apps.smart.introspection.introspect(given["access_token"], "service")
    assert (told["sub"], told["client_id"]) == ("service", "service")
    assert not {"patient", "fhirUser", "auth_time", "acr"} & told.keys()


async def test_a_revoked_grant_is_inactive(apps: Apps) -> None:
    given = await tokens(apps)
    client = await apps.client()
    await apps.smart.revocation.revoke(given["access_token"], client, HERE)
    assert await apps.smart.introspection.introspect(given["access_token"], "app") == INACTIVE
