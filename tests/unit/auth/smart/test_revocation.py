"""An app gives its tokens back: they end, and those of others do not."""

from __future__ import annotations

from typing import Any

import pytest

from auth.errors import Unauthenticated
from auth.smart.errors import Refusal
from tests.fakes.apps import Apps
from tests.fakes.authority import HERE


async def tokens(apps: Apps) -> dict[str, Any]:
    _, secret = await apps.signed_in()
    return await apps.exchange(await apps.code(secret))


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_one_token_given_back_ends_them_all_at_once(apps: Apps, kind: str) -> None:
    given = await tokens(apps)
    await apps.authority.admits(given["access_token"])
    await apps.smart.revocation.revoke(given[kind], await apps.client(), HERE)
    with pytest.raises(Unauthenticated):
        await apps.authority.admits(given["access_token"])
    with pytest.raises(Refusal):
        await apps.token(grant_type="refresh_token", refresh_token=given["refresh_token"], client_id="app")
    (row,) = [row for row in await apps.authority.events() if row.action == "revoke"]
    assert row.actor == "Client/app"


async def test_the_tokens_of_others_stay(apps: Apps) -> None:
    given = await tokens(apps)
    other = await apps.client("other")
    for token in (given["access_token"], given["refresh_token"], "made-up", ""):
        await apps.smart.revocation.revoke(token, other, HERE)
    assert await apps.authority.admits(given["access_token"]) == "Patient/ann"


async def test_the_session_of_a_person_is_not_an_apps_to_end(apps: Apps) -> None:
    signed = await apps.authority.login()
    await apps.smart.revocation.revoke(signed.access, await apps.client(), HERE)
    assert await apps.authority.admits(signed.access) == "Patient/ann"
