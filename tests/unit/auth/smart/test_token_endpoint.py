"""The token endpoint: what it gives for what, and every attack on it that is known."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import jwt
import pytest

from auth.accounts import change
from auth.errors import Unauthenticated
from auth.grants import grant_of
from auth.smart.errors import InvalidClient, Refusal
from tests.fakes.apps import KEYS_URL, SCOPE, VERIFIER, Apps
from tests.fakes.authority import HERE


async def code(apps: Apps, **changes: str | None) -> str:
    _, secret = await apps.signed_in()
    return await apps.code(secret, **changes)


async def refused(apps: Apps, **said: str | None) -> str:
    with pytest.raises(Refusal) as caught:
        await apps.token(**said)
    return caught.value.code


async def dead(apps: Apps, tokens: dict[str, Any]) -> bool:
    with pytest.raises(Unauthenticated):
        await apps.authority.admits(tokens["access_token"])
    return await refused(apps, grant_type="refresh_token", refresh_token=tokens["refresh_token"], client_id="app") == (
        "invalid_grant"
    )


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


async def test_a_code_becomes_tokens_with_their_context(apps: Apps) -> None:
    tokens = await apps.exchange(await code(apps, nonce="n1"))
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    assert set(tokens["scope"].split()) == set(SCOPE.split())
    assert tokens["patient"] == "ann"
    assert await apps.authority.admits(tokens["access_token"]) == "Patient/ann"
    identity = claims(tokens["id_token"])
    assert (identity["iss"], identity["aud"], identity["sub"]) == ("http://example.org/fhir", "app", "ann")
    assert (identity["nonce"], identity["fhirUser"]) == ("n1", "http://example.org/fhir/Patient/ann")
    assert identity["amr"] == ["pwd"]
    assert jwt.get_unverified_header(tokens["id_token"])["alg"] == "RS256"


async def test_who_does_not_ask_for_it_is_not_told_who_the_user_is(apps: Apps) -> None:
    tokens = await apps.exchange(await code(apps, scope="patient/Observation.rs openid"))
    assert "fhirUser" not in claims(tokens["id_token"])
    assert "refresh_token" not in tokens
    assert "id_token" not in await apps.exchange(await code(apps, scope="patient/Observation.rs"))


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": None},
        {"code_verifier": ""},
        {"code_verifier": VERIFIER[:-1]},
        {"code_verifier": VERIFIER + "x" * 100},
        {"code_verifier": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
        {"redirect_uri": "https://app.example/other"},
        {"redirect_uri": None},
    ],
)
async def test_a_code_needs_its_verifier_and_address_and_one_wrong_try_burns_it(
    apps: Apps, changes: dict[str, str | None]
) -> None:
    secret = await code(apps)
    with pytest.raises(Refusal) as caught:
        await apps.exchange(secret, **changes)
    assert caught.value.code == "invalid_grant"
    with pytest.raises(Refusal):
        await apps.exchange(secret)


async def test_a_code_that_comes_twice_ends_what_it_gave(apps: Apps) -> None:
    secret = await code(apps)
    tokens = await apps.exchange(secret)
    with pytest.raises(Refusal):
        await apps.exchange(secret)
    assert await dead(apps, tokens)
    reasons = [row.details.get("reason") for row in await apps.authority.events() if row.action == "token"]
    assert "replayed code" in reasons


async def test_a_code_lives_a_minute(apps: Apps) -> None:
    secret = await code(apps)
    apps.authority.clock.advance(61)
    with pytest.raises(Refusal):
        await apps.exchange(secret)


async def test_a_code_is_of_one_app(apps: Apps) -> None:
    await apps.client("other")
    secret = await code(apps)
    with pytest.raises(Refusal) as caught:
        await apps.exchange(secret, client_id="other")
    assert caught.value.code == "invalid_grant"
    assert (await apps.exchange(secret))["patient"] == "ann"


async def test_a_disabled_account_gets_no_tokens(apps: Apps) -> None:
    secret = await code(apps)
    await apps.authority.store.write(lambda tx: change(tx, "ann", status="disabled"))
    with pytest.raises(Refusal) as caught:
        await apps.exchange(secret)
    assert caught.value.code == "invalid_grant"


@pytest.mark.parametrize("scope", ["offline_access openid", "openid"])
async def test_a_code_is_worth_nothing_once_its_user_has_signed_out(apps: Apps, scope: str) -> None:
    who, browser = await apps.signed_in()
    secret = await apps.code(browser, scope=scope)
    await apps.authority.auth.sessions.logout(who.grant, who.account, HERE)
    with pytest.raises(Refusal) as caught:
        await apps.exchange(secret)
    assert caught.value.code == "invalid_grant"


async def test_online_access_lives_no_longer_than_the_session(apps: Apps) -> None:
    who, browser = await apps.signed_in()
    tokens = await apps.exchange(await apps.code(browser, scope="openid online_access"))
    grant = await grant_of(apps.authority.store.records, claims(tokens["access_token"])["sid"])
    assert grant is not None
    assert (grant.session, grant.expires) == (who.grant.id, who.grant.expires)
    await apps.authority.auth.sessions.logout(who.grant, who.account, HERE)
    assert await dead(apps, tokens)


async def test_a_public_app_need_not_name_itself_in_a_refresh_and_no_other_may_go_without(apps: Apps) -> None:
    tokens = await apps.exchange(await code(apps))
    again = await apps.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert await apps.authority.admits(again["access_token"]) == "Patient/ann"
    await apps.confidential()
    with pytest.raises(InvalidClient):
        await apps.token(grant_type="refresh_token", refresh_token=again["refresh_token"])
    with pytest.raises(InvalidClient):
        await apps.token(grant_type="refresh_token", refresh_token="unknown")


async def refresh(apps: Apps, token: str, **more: str | None) -> dict[str, Any]:
    return await apps.token(grant_type="refresh_token", refresh_token=token, **{"client_id": "app"} | more)


async def test_a_refresh_token_is_rotated_and_the_context_comes_again(apps: Apps) -> None:
    first = await apps.exchange(await code(apps))
    second = await refresh(apps, first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert (second["patient"], set(second["scope"].split())) == ("ann", set(SCOPE.split()))
    assert await apps.authority.admits(second["access_token"]) == "Patient/ann"
    third = await refresh(apps, second["refresh_token"])
    assert await apps.authority.admits(third["access_token"]) == "Patient/ann"


async def test_an_answer_that_was_lost_can_be_asked_for_again_shortly(apps: Apps) -> None:
    first = await apps.exchange(await code(apps))
    await refresh(apps, first["refresh_token"])
    again = await refresh(apps, first["refresh_token"])
    assert "refresh_token" not in again
    assert await apps.authority.admits(again["access_token"]) == "Patient/ann"


async def test_a_rotated_refresh_token_that_comes_late_ends_everything(apps: Apps) -> None:
    first = await apps.exchange(await code(apps))
    second = await refresh(apps, first["refresh_token"])
    apps.authority.clock.advance(31)
    with pytest.raises(Refusal):
        await refresh(apps, first["refresh_token"])
    assert await dead(apps, second)


async def test_of_many_refreshes_at_once_one_rotates(apps: Apps) -> None:
    first = await apps.exchange(await code(apps))
    answers = await asyncio.gather(*(refresh(apps, first["refresh_token"]) for _ in range(5)))
    assert sum("refresh_token" in each for each in answers) == 1


async def test_a_refresh_may_ask_for_less(apps: Apps) -> None:
    first = await apps.exchange(await code(apps))
    less = await refresh(apps, first["refresh_token"], scope="patient/Patient.r openid")
    assert set(less["scope"].split()) == {"openid", "patient/Patient.r"}
    admitted = await apps.authority.auth.admission.admit(less["access_token"])
    assert set(admitted.grant.scopes) == {"openid", "patient/Patient.r"}
    whole = await refresh(apps, less["refresh_token"])
    assert set(whole["scope"].split()) == set(SCOPE.split())


@pytest.mark.parametrize("scope", ["patient/Observation.cruds", "user/Patient.r", "online_access", "patient/*.rs", "x"])
async def test_a_refresh_may_not_ask_for_more(apps: Apps, scope: str) -> None:
    first = await apps.exchange(await code(apps))
    with pytest.raises(Refusal) as caught:
        await refresh(apps, first["refresh_token"], scope=scope)
    assert caught.value.code == "invalid_scope"
    assert "refresh_token" in await refresh(apps, first["refresh_token"])


async def test_a_refresh_token_is_of_one_app_and_no_access_token(apps: Apps) -> None:
    await apps.client("other")
    first = await apps.exchange(await code(apps))
    for token, client in (
        (first["refresh_token"], "other"),
        (first["access_token"], "app"),
        (first["id_token"], "app"),
        ("made-up", "app"),
        ("", "app"),
    ):
        with pytest.raises(Refusal) as caught:
            await refresh(apps, token, client_id=client)
        assert caught.value.code == "invalid_grant"
    for token in (first["refresh_token"], first["id_token"]):
        with pytest.raises(Unauthenticated):
            await apps.authority.admits(token)


async def test_a_session_token_is_not_refreshed_here(apps: Apps) -> None:
    signed = await apps.authority.login()
    assert signed.refresh is not None
    with pytest.raises(Refusal):
        await refresh(apps, signed.refresh, client_id="app")


async def test_online_access_ends_with_the_session_and_offline_access_does_not(apps: Apps) -> None:
    who, secret = await apps.signed_in()
    online = await apps.exchange(await apps.code(secret, scope="patient/Observation.rs online_access"))
    offline = await apps.exchange(await apps.code(secret))
    await apps.authority.auth.sessions.logout(who.grant, who.account, HERE)
    assert await dead(apps, online)
    assert await apps.authority.admits(offline["access_token"]) == "Patient/ann"


async def test_a_confidential_app_proves_itself_every_time(apps: Apps) -> None:
    _, secret = await apps.confidential()
    basic = "Basic " + base64.b64encode(f"app:{secret}".encode()).decode()
    tokens = await apps.exchange(await code(apps), authorization=basic, client_id=None)
    assert "access_token" in await refresh(apps, tokens["refresh_token"], authorization=basic, client_id=None)
    wrong = "Basic " + base64.b64encode(b"app:wrong").decode()
    for proof in ({}, {"authorization": wrong}, {"client_secret": secret}, {"authorization": "Basic ?"}):
        with pytest.raises(InvalidClient):
            await refresh(apps, "x", **proof)
    with pytest.raises(Refusal) as caught:
        await refresh(apps, "x", authorization=basic, client_secret=secret)
    assert caught.value.code == "invalid_request"


async def test_a_secret_may_come_in_the_form_for_who_is_registered_so(apps: Apps) -> None:
    _, secret = await apps.confidential("client_secret_post")
    assert "access_token" in await apps.exchange(await code(apps), client_secret=secret)
    with pytest.raises(InvalidClient):
        await apps.exchange("x", client_secret=secret + "x")


async def test_a_public_app_has_no_secret_to_give(apps: Apps) -> None:
    with pytest.raises(InvalidClient):
        await apps.exchange("x", client_secret="")
    with pytest.raises(InvalidClient):
        await apps.exchange("x", client_secret="guess")


async def service(apps: Apps, *, scope: str = "system/Observation.rs", **proof: Any) -> dict[str, Any]:
    return await apps.token(grant_type="client_credentials", scope=scope, **apps.assertion(**proof))


async def test_a_service_gets_a_short_token_for_itself(apps: Apps) -> None:
    await apps.service()
    tokens = await service(apps)
    assert (tokens["expires_in"], tokens["scope"]) == (300, "system/Observation.rs")
    assert not {"refresh_token", "id_token", "patient"} & tokens.keys()
    assert await apps.authority.admits(tokens["access_token"]) == "service"
    apps.authority.clock.advance(301)
    with pytest.raises(Unauthenticated):
        await apps.authority.admits(tokens["access_token"])


async def test_all_tokens_count_for_as_long_as_the_host_says_and_a_services_no_longer(apps: Apps) -> None:
    apps.authority.auth.tokens.seconds = 90
    await apps.service()
    answers = [await apps.exchange(await code(apps)), await service(apps)]
    answers.append(
        await apps.token(grant_type="refresh_token", refresh_token=answers[0]["refresh_token"], client_id="app")
    )
    lives = [claims(each["access_token"]) for each in answers]
    assert [each["expires_in"] for each in answers] == [90, 90, 90]
    assert [each["exp"] - each["iat"] for each in lives] == [90, 90, 90]
    signed = await apps.authority.login()
    assert signed.seconds == 90
    apps.authority.clock.advance(91)
    for token in (*(each["access_token"] for each in answers), signed.access):
        with pytest.raises(Unauthenticated):
            await apps.authority.admits(token)
    apps.authority.auth.tokens.seconds = 3000
    assert (await service(apps, jti="j2"))["expires_in"] == 300


async def test_an_assertion_counts_once(apps: Apps) -> None:
    await apps.service()
    await service(apps)
    with pytest.raises(InvalidClient, match="used before"):
        await service(apps)
    assert (await service(apps, jti="j2"))["expires_in"] == 300


@pytest.mark.parametrize("scope", ["", "patient/*.rs", "user/*.rs", "system/*.sr", "system/Patient.d", "openid", "x y"])
async def test_a_service_gets_no_scope_that_it_may_not_have(apps: Apps, scope: str) -> None:
    await apps.service()
    with pytest.raises(Refusal) as caught:
        await service(apps, scope=scope)
    assert caught.value.code == "invalid_scope"


async def test_a_service_gets_what_it_may_have_of_what_it_asks_for(apps: Apps) -> None:
    await apps.service(scopes="system/Observation.rs system/Patient.r")
    assert (await service(apps, scope="system/*.cruds"))["scope"] == "system/Observation.rs system/Patient.r"


async def test_the_address_of_keys_is_the_registered_one(apps: Apps) -> None:
    await apps.service(keys=(), keys_url=KEYS_URL)
    with pytest.raises(InvalidClient, match="jku"):
        await service(apps, header={"jku": "https://evil.example/jwks.json"})
    assert apps.web.asked == []
    with pytest.raises(InvalidClient, match="could not be had"):
        await service(apps)
    assert apps.web.asked == [KEYS_URL]


async def test_an_app_gets_only_the_grants_it_is_registered_for(apps: Apps) -> None:
    await apps.service()
    assert await refused(apps, grant_type="client_credentials", scope="system/*.rs", client_id="app") == (
        "unauthorized_client"
    )
    proof = apps.assertion()
    assert await refused(apps, grant_type="authorization_code", code="x", **proof) == "unauthorized_client"
    for kind in ("password", "implicit", "", None, "urn:ietf:params:oauth:grant-type:device_code"):
        assert await refused(apps, grant_type=kind, client_id="app") == "unsupported_grant_type"


async def test_an_unknown_or_disabled_app_is_told_no_more_than_a_wrong_secret(apps: Apps) -> None:
    await apps.client("off", disabled=True)
    said = set()
    for client in ("off", "unknown", None):
        with pytest.raises(InvalidClient) as caught:
            await apps.exchange("x", client_id=client)
        said.add(caught.value.description)
    with pytest.raises(InvalidClient) as caught:
        await apps.exchange("x", client_secret="guess")
    assert said == {caught.value.description}
