"""Apps register by themselves and through administrators; they are disabled, and get new secrets."""

from __future__ import annotations

import pytest

from auth.errors import Unauthenticated
from auth.smart.errors import InvalidClient, Refusal
from auth.smart.registration import Unfit, answer
from auth.smart.registry import has_secret
from tests.fakes.apps import CALLBACK, KEY, Apps
from tests.fakes.authority import HERE
from tests.fakes.patience import until

SAID = {"client_name": "New", "redirect_uris": [CALLBACK], "scope": "openid patient/*.rs"}
ADMIN = "Person/root"


async def test_an_app_registers_itself(apps: Apps) -> None:
    told = answer(await apps.smart.registration.by_itself(SAID, HERE))
    assert (told["client_name"], told["redirect_uris"], told["scope"]) == ("New", [CALLBACK], "openid patient/*.rs")
    assert told["client_id_issued_at"] == apps.authority.clock() // 1_000_000
    assert "client_secret" not in told
    (row,) = await apps.authority.events()
    assert (row.action, row.actor, row.target) == ("register-client", "anonymous", f"Client/{told['client_id']}")


async def test_a_secret_is_told_once_and_kept_as_a_digest(apps: Apps) -> None:
    told = answer(
        await apps.smart.registration.by_itself(SAID | {"token_endpoint_auth_method": "client_secret_post"}, HERE)
    )
    assert told["client_secret_expires_at"] == 0
    kept = await apps.smart.registry.client(apps.authority.store.records, told["client_id"])
    assert kept is not None
    assert kept.secret != told["client_secret"]
    assert has_secret(kept, told["client_secret"])
    assert not has_secret(kept, kept.secret or "")
    assert not has_secret(None, told["client_secret"])


async def test_what_only_an_administrator_may_say_is_not_heard(apps: Apps) -> None:
    told = answer(await apps.smart.registration.by_itself(SAID | {"ehr": True, "refresh_days": 3000}, HERE))
    assert (told["ehr"], told["refresh_days"]) == (False, 90)
    told = answer(await apps.smart.registration.add(SAID | {"ehr": True, "refresh_days": 30}, ADMIN, HERE))
    assert (told["ehr"], told["refresh_days"]) == (True, 30)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uris": ["http://evil.example/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"client_name": ""}, "invalid_client_metadata"),
        ({"scope": "patient/*.sr"}, "invalid_client_metadata"),
        (
            {
                "grant_types": ["client_credentials"],
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [KEY]},
                "scope": "system/*.rs",
            },
            "invalid_client_metadata",
        ),
    ],
)
async def test_an_unfit_registration_is_refused_in_the_words_of_the_standard(
    apps: Apps, changes: dict[str, object], code: str
) -> None:
    with pytest.raises(Refusal) as caught:
        await apps.smart.registration.by_itself(SAID | changes, HERE)
    assert caught.value.code == code


async def test_an_administrator_is_told_every_member_that_is_wrong(apps: Apps) -> None:
    with pytest.raises(Unfit) as caught:
        await apps.smart.registration.add({"client_name": "", "redirect_uris": ["x"]}, ADMIN, HERE)
    assert {each.member for each in caught.value.problems} == {"client_name", "redirect_uris"}


async def test_a_disabled_app_loses_everything_at_once(apps: Apps) -> None:
    _, secret = await apps.signed_in()
    tokens = await apps.exchange(await apps.code(secret))
    await apps.authority.admits(tokens["access_token"])
    assert await apps.smart.registration.disable("app", ADMIN, HERE) is not None
    with pytest.raises(Unauthenticated):
        await apps.authority.admits(tokens["access_token"])
    with pytest.raises(InvalidClient):
        await apps.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"], client_id="app")
    again = await apps.smart.registration.disable("app", ADMIN, HERE, disabled=False)
    assert again is not None
    assert not again.disabled
    with pytest.raises(Refusal):
        await apps.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"], client_id="app")
    assert await apps.smart.registration.disable("nobody", ADMIN, HERE) is None


async def test_a_new_secret_ends_the_one_before(apps: Apps) -> None:
    _, old = await apps.confidential()
    done = await apps.smart.registration.renew_secret("app", ADMIN, HERE)
    assert done is not None
    assert not has_secret(done.client, old)
    assert has_secret(done.client, done.secret or "")
    await apps.client("public")
    assert await apps.smart.registration.renew_secret("public", ADMIN, HERE) is None


async def test_the_origins_of_apps_are_known_while_they_are_let_in(apps: Apps) -> None:
    await apps.smart.registration.add(SAID | {"redirect_uris": ["https://new.example/x"]}, ADMIN, HERE)
    await until(lambda: apps.smart.origins.registered(b"https://new.example"))
    assert not apps.smart.origins.registered(b"https://evil.example")
    await apps.smart.registration.disable("app", ADMIN, HERE)
    await until(lambda: not apps.smart.origins.registered(b"https://app.example"))
