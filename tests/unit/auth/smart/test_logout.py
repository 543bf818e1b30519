"""Apps have their users sign out here: nobody unasked, and nobody is sent where the app is not registered."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from auth.smart import browser
from auth.smart.errors import Stray
from auth.smart.logout import Ask, Left
from tests.fakes.apps import Apps
from tests.fakes.authority import HERE

BYE = "https://app.example/bye"
FOREIGN = jwt.encode({"iss": "http://example.org/fhir", "sub": "ann", "aud": "app", "exp": 2**33, "iat": 1}, "k" * 32)


async def signed_in(apps: Apps, email: str = "ann@example.org") -> tuple[str, str]:
    """Sign in, and in to the app; return the browser's secret and the app's identity token."""
    await apps.client(post_logout_redirect_uris=(BYE, f"{BYE}?a=1"))
    _, secret = await apps.signed_in(email)
    scope = "openid user/Observation.rs"
    return secret, (await apps.exchange(await apps.code(secret, scope=scope)))["id_token"]


async def asked(apps: Apps, secret: str, **said: str) -> Left | Ask:
    return await apps.smart.logout.begin(list(said.items()), secret, HERE)


async def is_signed_in(apps: Apps, secret: str) -> bool:
    return await browser.who(apps.authority.store.records, secret, apps.authority.clock()) is not None


async def test_whose_identity_token_the_app_has_is_signed_out_and_sent_back(apps: Apps) -> None:
    secret, token = await signed_in(apps)
    said = {"id_token_hint": token, "post_logout_redirect_uri": BYE, "state": "s&t", "ui_locales": "fr"}
    assert await asked(apps, secret, **said) == Left(f"{BYE}?state=s%26t")
    assert not await is_signed_in(apps, secret)
    (row,) = [row for row in await apps.authority.events() if row.action == "logout"]
    assert (row.actor, row.target, list(row.patients)) == ("Patient/ann", "Patient/ann", ["ann"])
    # Whoever is not signed in any more goes the same way.
    assert await asked(apps, secret, **said) == Left(f"{BYE}?state=s%26t")
    assert await asked(apps, "x", client_id="app", post_logout_redirect_uri=f"{BYE}?a=1", state="s") == Left(
        f"{BYE}?a=1&state=s"
    )


async def test_an_old_identity_token_counts_while_its_key_is_known(apps: Apps) -> None:
    secret, token = await signed_in(apps)
    apps.authority.clock.advance(2 * 3600)
    assert await asked(apps, secret, id_token_hint=token) == Left(None)
    assert not await is_signed_in(apps, secret)


async def test_everybody_else_is_asked(apps: Apps) -> None:
    secret, token = await signed_in(apps)
    other, foreign = await signed_in(apps, "ben@example.org")
    access = (await apps.exchange(await apps.code(secret, scope="openid user/Observation.rs")))["access_token"]
    for hint in ({}, {"id_token_hint": foreign}, {"id_token_hint": FOREIGN}, {"id_token_hint": access}):
        step = await asked(apps, secret, client_id="app", post_logout_redirect_uri=BYE, **hint)
        assert isinstance(step, Ask)
        assert (step.account.id, step.client and step.client.id, step.address) == ("ann", "app", BYE)
        assert step.asked == {"client_id": "app", "post_logout_redirect_uri": BYE}
    assert await is_signed_in(apps, secret)
    step = await asked(apps, other, id_token_hint=token, state="s")
    assert isinstance(step, Ask)
    assert step.asked == {"client_id": "app", "state": "s"}
    assert isinstance(await asked(apps, other), Ask)
    assert await apps.smart.logout.confirm(list(step.asked.items()), other, HERE) == Left(None)
    assert (await is_signed_in(apps, other), await is_signed_in(apps, secret)) == (False, True)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"client_id": "nobody"}, "unknown_app"),
        ({"client_id": "app", "post_logout_redirect_uri": "https://evil.example/"}, "no_address"),
        ({"client_id": "app", "post_logout_redirect_uri": f"{BYE}/"}, "no_address"),
        ({"client_id": "app", "post_logout_redirect_uri": f"{BYE}?a=2"}, "no_address"),
        ({"client_id": "app", "post_logout_redirect_uri": BYE.upper()}, "no_address"),
        ({"client_id": "app", "post_logout_redirect_uri": "https://app.example/callback"}, "no_address"),
        ({"post_logout_redirect_uri": BYE}, "no_address"),
        ({"id_token_hint": FOREIGN, "post_logout_redirect_uri": BYE}, "no_address"),
        ({"client_id": "off"}, "unknown_app"),
    ],
)
async def test_nobody_is_sent_where_the_app_is_not_registered(apps: Apps, said: dict[str, str], reason: str) -> None:
    await apps.client("off", disabled=True)
    secret, _ = await signed_in(apps)
    pairs = list(said.items())
    for step in (apps.smart.logout.begin, apps.smart.logout.confirm):
        with pytest.raises(Stray, match=reason):
            await step(pairs, secret, HERE)
    assert await is_signed_in(apps, secret)


async def test_what_is_said_twice_or_of_two_apps_is_refused(apps: Apps) -> None:
    secret, token = await signed_in(apps)
    await apps.client("other", post_logout_redirect_uris=(BYE,))
    for pairs, reason in (
        ([("client_id", "app"), ("client_id", "app")], "doubled"),
        ([("post_logout_redirect_uri", BYE), ("post_logout_redirect_uri", "https://evil.example/")], "doubled"),
        ([("client_id", "other"), ("id_token_hint", token)], "unknown_app"),
    ):
        with pytest.raises(Stray, match=reason):
            await apps.smart.logout.begin(pairs, secret, HERE)
    assert await is_signed_in(apps, secret)


async def test_access_that_lasts_as_long_as_the_session_ends_with_it(apps: Apps) -> None:
    secret, token = await signed_in(apps)
    online = await apps.exchange(await apps.code(secret, scope="online_access patient/Observation.rs"))
    offline = await apps.exchange(await apps.code(secret, scope="offline_access patient/Observation.rs"))

    async def active(tokens: dict[str, Any]) -> bool:
        return bool((await apps.smart.introspection.introspect(tokens["access_token"], "app"))["active"])

    assert [await active(each) for each in (online, offline)] == [True, True]
    await asked(apps, secret, id_token_hint=token)
    assert [await active(each) for each in (online, offline)] == [False, True]
