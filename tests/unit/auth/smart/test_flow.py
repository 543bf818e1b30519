"""The way of a user through an authorization, and every way beside it."""

from __future__ import annotations

import pytest

from auth.grants import grant_of
from auth.smart import codes, launches
from auth.smart.context import Encounter
from auth.smart.errors import Stray
from auth.smart.flow import Go, Show
from auth.smart.launches import Launch
from tests.fakes.apps import MAY, Apps, answer
from tests.fakes.authority import HERE


async def shown(apps: Apps, secret: str, **changes: str | None) -> Show:
    step = await apps.begin(secret, **changes)
    assert isinstance(step, Show)
    return step


async def told(apps: Apps, secret: str, **changes: str | None) -> str:
    """Return the error that the app is told."""
    said = answer(await apps.begin(secret, **changes))
    assert said["state"] == "a-state-of-the-app"
    assert said["iss"] == "http://example.org/fhir"
    return said["error"]


async def test_a_patient_signs_in_and_decides(apps: Apps) -> None:
    begun = await apps.smart.flow.begin(apps.asked(), None)
    assert begun.id is not None
    assert begun.browser is not None
    due = await apps.smart.flow.show(begun.id, begun.browser, HERE)
    assert isinstance(due, Show)
    assert due.page == "login"
    who, _ = await apps.signed_in()
    gone = await apps.smart.flow.signed_in(begun.id, begun.browser, who)
    assert gone.browser not in (None, begun.browser)
    due = await apps.smart.flow.show(begun.id, gone.browser or "", HERE)
    assert isinstance(due, Show)
    assert (due.page, due.person) == ("consent", apps.folk.seen["ann"][0])
    said = answer(await apps.smart.flow.decide(due.id, gone.browser or "", ["patient/Observation.rs", "openid"], HERE))
    found = await codes.find(apps.authority.store.records, said["code"])
    assert found is not None
    assert (found[1].scopes, found[1].patient, found[1].account) == ("openid patient/Observation.rs", "ann", "ann")
    (row,) = [row for row in await apps.authority.events() if row.action == "authorize"]
    assert (row.actor, list(row.patients), row.details["client"]) == ("Patient/ann", ["ann"], "app")


async def test_a_request_can_be_loaded_again_and_ends_with_the_decision(apps: Apps) -> None:
    _, secret = await apps.signed_in()
    due = await shown(apps, secret)
    assert await apps.smart.flow.show(due.id, secret, HERE) == due
    await apps.smart.flow.decide(due.id, secret, ["openid"], HERE)
    with pytest.raises(Stray, match="over"):
        await apps.smart.flow.show(due.id, secret, HERE)
    with pytest.raises(Stray, match="over"):
        await apps.smart.flow.decide(due.id, secret, ["openid"], HERE)


async def test_a_request_belongs_to_the_browser_it_began_in(apps: Apps) -> None:
    _, secret = await apps.signed_in()
    _, other = await apps.signed_in("ben@example.org")
    due = await shown(apps, secret)
    for stranger in (other, "", "x"):
        with pytest.raises(Stray):
            await apps.smart.flow.show(due.id, stranger, HERE)
        with pytest.raises(Stray):
            await apps.smart.flow.decide(due.id, stranger, ["openid"], HERE)


async def test_a_request_ends_after_ten_minutes(apps: Apps) -> None:
    _, secret = await apps.signed_in()
    due = await shown(apps, secret)
    apps.authority.clock.advance(601)
    with pytest.raises(Stray):
        await apps.smart.flow.show(due.id, secret, HERE)


async def test_a_session_that_has_ended_signs_nobody_in(apps: Apps) -> None:
    who, secret = await apps.signed_in()
    await apps.authority.auth.sessions.logout(who.grant, who.account, HERE)
    assert (await shown(apps, secret)).page == "login"


async def test_a_user_who_says_no_is_not_asked_twice(apps: Apps) -> None:
    _, secret = await apps.signed_in()
    due = await shown(apps, secret)
    assert answer(await apps.smart.flow.decide(due.id, secret, None, HERE))["error"] == "access_denied"
    with pytest.raises(Stray):
        await apps.smart.flow.show(due.id, secret, HERE)


async def test_nothing_ticked_is_nothing_granted(apps: Apps) -> None:
    _, secret = await apps.signed_in()
    due = await shown(apps, secret)
    said = answer(await apps.smart.flow.decide(due.id, secret, ["user/*.cruds", "nonsense"], HERE))
    assert said["error"] == "access_denied"


async def test_a_doctor_chooses_among_the_patients_that_are_theirs(apps: Apps) -> None:
    _, secret = await apps.signed_in("doc@example.org")
    due = await shown(apps, secret)
    assert due.page == "patient"
    assert [each.id for each in due.people] == ["ann", "bob"]
    found = await apps.smart.flow.show(due.id, secret, HERE, "Bob")
    assert isinstance(found, Show)
    assert [each.id for each in found.people] == ["bob"]
    with pytest.raises(Stray, match="not_yours"):
        await apps.smart.flow.choose(due.id, secret, "ben")
    await apps.smart.flow.choose(due.id, secret, "bob")
    chosen = await apps.smart.flow.show(due.id, secret, HERE)
    assert isinstance(chosen, Show)
    assert chosen.page == "consent"
    assert chosen.person is not None
    assert chosen.person.id == "bob"


async def test_a_launch_without_a_patient_lets_its_user_choose_one(apps: Apps) -> None:
    _, secret = await apps.signed_in("doc@example.org")
    handle = await apps.authority.store.write(lambda tx: launches.open_launch(tx, Launch("app", "doc")))
    due = await apps.begin(secret, scope="launch patient/Patient.rs", launch=handle)
    assert isinstance(due, Show)
    assert due.page == "patient"
    await apps.smart.flow.choose(due.id, secret, "bob")
    said = answer(await apps.smart.flow.decide(due.id, secret, ["launch", "patient/Patient.rs"], HERE))
    assert (await apps.exchange(said["code"]))["patient"] == "bob"


async def test_an_app_is_not_told_of_a_patient_that_its_user_took_away(apps: Apps) -> None:
    _, secret = await apps.signed_in()
    due = await shown(apps, secret)
    said = answer(await apps.smart.flow.decide(due.id, secret, ["openid"], HERE))
    tokens = await apps.exchange(said["code"])
    assert (tokens["scope"], "patient" in tokens) == ("openid", False)


async def test_who_signs_out_leaves_the_request_for_somebody_else(apps: Apps) -> None:
    who, secret = await apps.signed_in("doc@example.org")
    due = await shown(apps, secret)
    await apps.smart.flow.choose(due.id, secret, "bob")
    gone = await apps.smart.flow.sign_out(due.id, secret)
    assert gone.browser is not None
    with pytest.raises(Stray):
        await apps.smart.flow.show(due.id, secret, HERE)
    again = await apps.smart.flow.show(due.id, gone.browser, HERE)
    assert isinstance(again, Show)
    assert (again.page, again.account) == ("login", None)
    grant = await grant_of(apps.authority.store.records, who.grant.id)
    assert grant is not None
    assert grant.revoked is not None


async def test_a_decision_before_its_time_leads_to_the_step_that_is_due(apps: Apps) -> None:
    _, secret = await apps.signed_in("doc@example.org")
    due = await shown(apps, secret)
    step = await apps.smart.flow.decide(due.id, secret, ["openid", "patient/Observation.rs"], HERE)
    assert isinstance(step, Show)
    assert step.page == "patient"


async def test_a_patient_who_was_taken_away_meanwhile_is_not_granted(apps: Apps) -> None:
    _, secret = await apps.signed_in("doc@example.org")
    due = await shown(apps, secret)
    await apps.smart.flow.choose(due.id, secret, "bob")
    apps.folk.seen["doc"] = []
    step = await apps.smart.flow.decide(due.id, secret, ["patient/Observation.rs"], HERE)
    assert isinstance(step, Show)
    assert step.page == "patient"


async def launch(
    apps: Apps,
    client: str = "app",
    account: str = "doc",
    patient: str | None = "bob",
    encounter: str | None = "e1",
) -> str:
    made = Launch(client, account, patient, encounter, {"intent": "review", "need_patient_banner": False})
    return await apps.authority.store.write(lambda tx: launches.open_launch(tx, made))


EHR = "launch openid patient/Observation.rs"


async def test_a_launch_brings_its_patient_and_context(apps: Apps) -> None:
    _, secret = await apps.signed_in("doc@example.org")
    code = await apps.code(secret, scope=EHR, launch=await launch(apps))
    tokens = await apps.exchange(code)
    assert (tokens["patient"], tokens["encounter"], tokens["intent"]) == ("bob", "e1", "review")
    assert tokens["need_patient_banner"] is False


ABOUT = "launch/patient launch/encounter patient/Observation.rs"
VISITS = [Encounter("late", "2026-03-02", "video"), Encounter("early", "2026-01-05")]


async def test_a_user_chooses_an_encounter_of_the_patient_that_was_chosen(apps: Apps) -> None:
    await apps.client(scopes=f"{MAY} launch/encounter")
    apps.folk.visits = {"bob": VISITS, "ben": [Encounter("bens")]}
    _, secret = await apps.signed_in("doc@example.org")
    flow, id = apps.smart.flow, (await shown(apps, secret, scope=ABOUT)).id

    async def due() -> Show:
        step = await flow.show(id, secret, HERE)
        assert isinstance(step, Show)
        return step

    with pytest.raises(Stray, match="not_yours"):
        await flow.choose_encounter(id, secret, "late")
    await flow.choose(id, secret, "bob")
    asked = await due()
    assert (asked.page, asked.person and asked.person.id, asked.encounters) == ("encounter", "bob", VISITS)
    for other in ("bens", "nothing"):
        with pytest.raises(Stray, match="not_yours"):
            await flow.choose_encounter(id, secret, other)
    assert (await due()).page == "encounter"
    await flow.choose_encounter(id, secret, "early")
    assert ((await due()).page, (await due()).encounter) == ("consent", VISITS[1])
    # Another patient, and what was chosen of the one before is chosen no more.
    await flow.choose(id, secret, "ann")
    assert ((await due()).page, (await due()).encounter) == ("consent", None)
    await flow.choose(id, secret, "bob")
    assert (await due()).page == "encounter"
    await flow.choose_encounter(id, secret, "late")
    apps.folk.visits["bob"] = VISITS[1:]
    assert (await due()).encounters == VISITS[1:]
    await flow.choose_encounter(id, secret, "early")
    tokens = await apps.exchange(answer(await flow.decide(id, secret, ABOUT.split(), HERE))["code"])
    assert (tokens["patient"], tokens["encounter"]) == ("bob", "early")
    assert set(tokens["scope"].split()) == set(ABOUT.split())


@pytest.mark.parametrize(
    ("visits", "chosen", "ticked", "told"),
    [
        (VISITS, "late", ABOUT, "late"),
        (VISITS, "", ABOUT, None),
        ([], None, ABOUT, None),
        (VISITS, "late", "launch/patient patient/Observation.rs", None),
        (VISITS, "late", "launch/encounter", None),
    ],
)
async def test_an_app_is_told_of_the_encounter_that_its_user_lets_it_know(
    apps: Apps, visits: list[Encounter], chosen: str | None, ticked: str, told: str | None
) -> None:
    await apps.client(scopes=f"{MAY} launch/encounter")
    apps.folk.visits = {"ann": visits}
    _, secret = await apps.signed_in()
    due = await shown(apps, secret, scope=ABOUT)
    assert due.page == ("encounter" if visits else "consent")
    if chosen is not None:
        await apps.smart.flow.choose_encounter(due.id, secret, chosen)
    code = answer(await apps.smart.flow.decide(due.id, secret, ticked.split(), HERE))["code"]
    assert (await apps.exchange(code)).get("encounter") == told


async def test_who_may_not_be_asked_chooses_no_encounter(apps: Apps) -> None:
    await apps.client(scopes=f"{MAY} launch/encounter")
    _, secret = await apps.signed_in()
    await apps.exchange(await apps.code(secret, scope=ABOUT))
    assert "code" in answer(await apps.begin(secret, scope=ABOUT, prompt="none"))
    apps.folk.visits = {"ann": VISITS}
    assert await told(apps, secret, scope=ABOUT, prompt="none") == "interaction_required"


async def test_a_launch_without_an_encounter_is_about_none(apps: Apps) -> None:
    await apps.client(scopes=f"{MAY} launch/encounter")
    apps.folk.visits = {"bob": VISITS}
    _, secret = await apps.signed_in("doc@example.org")
    handle = await launch(apps, encounter=None)
    due = await shown(apps, secret, scope=f"{EHR} launch/encounter", launch=handle)
    assert (due.page, due.encounter) == ("consent", None)


async def test_a_launch_handle_counts_once_for_one_app_and_user(apps: Apps) -> None:
    await apps.client("other")
    _, secret = await apps.signed_in("doc@example.org")
    handle = await launch(apps)
    await apps.code(secret, scope=EHR, launch=handle)
    assert await told(apps, secret, scope=EHR, launch=handle) == "invalid_request"
    assert await told(apps, secret, scope=EHR, launch=await launch(apps, client="other")) == "invalid_request"
    assert await told(apps, secret, scope=EHR, launch=await launch(apps, account="ann")) == "invalid_request"
    assert await told(apps, secret, scope=EHR, launch="made-up") == "invalid_request"
    late = await launch(apps)
    apps.authority.clock.advance(301)
    assert await told(apps, secret, scope=EHR, launch=late) == "invalid_request"


async def test_two_decisions_on_one_launch_give_one_code(apps: Apps) -> None:
    _, secret = await apps.signed_in("doc@example.org")
    handle = await launch(apps)
    one, other = [await shown(apps, secret, scope=EHR, launch=handle) for _ in range(2)]
    assert "code" in answer(await apps.smart.flow.decide(one.id, secret, EHR.split(), HERE))
    step = await apps.smart.flow.decide(other.id, secret, EHR.split(), HERE)
    assert answer(step)["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "http://example.org/fhir.evil.example"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "system/*.rs"}, "invalid_scope"),
    ],
)
async def test_a_wrong_request_is_told_to_the_app_at_once(apps: Apps, changes: dict[str, str], error: str) -> None:
    _, secret = await apps.signed_in()
    assert await told(apps, secret, **changes) == error


@pytest.mark.parametrize("changes", [{"client_id": "unknown"}, {"redirect_uri": "https://evil.example/"}])
async def test_a_request_that_may_go_nowhere_goes_nowhere(apps: Apps, changes: dict[str, str]) -> None:
    with pytest.raises(Stray):
        await apps.smart.flow.begin(apps.asked(**changes), None)


async def test_prompt_none_asks_nobody(apps: Apps) -> None:
    assert await told(apps, "stranger", prompt="none") == "login_required"
    _, secret = await apps.signed_in()
    assert await told(apps, secret, prompt="none") == "consent_required"
    _, doctor = await apps.signed_in("doc@example.org")
    assert await told(apps, doctor, prompt="none") == "interaction_required"


async def test_prompt_none_renews_what_was_granted_until_it_is_taken_back(apps: Apps) -> None:
    who, secret = await apps.signed_in()
    await apps.exchange(await apps.code(secret))
    renewed = await apps.begin(secret, prompt="none")
    assert isinstance(renewed, Go)
    assert "code" in answer(renewed)
    assert await told(apps, secret, prompt="none", scope="openid patient/Condition.rs") == "consent_required"
    for grant in await apps.authority.auth.sessions.listed(who.account, apps.authority.clock()):
        if grant.kind == "smart":
            await apps.authority.auth.sessions.revoke(who.account, grant.id, HERE)
    assert await told(apps, secret, prompt="none") == "consent_required"


@pytest.mark.parametrize(
    ("address", "method", "renewed"),
    [
        ("https://app.example/callback", "none", True),
        ("http://127.0.0.1:4000/callback", "none", False),
        ("http://localhost:4000/callback", "none", False),
        ("org.example.app:/callback", "none", False),
        ("http://127.0.0.1:4000/callback", "client_secret_basic", True),
        ("org.example.app:/callback", "private_key_jwt", True),
    ],
)
async def test_nothing_is_renewed_unasked_for_an_app_that_another_may_pretend_to_be(
    apps: Apps, address: str, method: str, renewed: bool
) -> None:
    _, secret = await apps.signed_in()
    await apps.exchange(await apps.code(secret))
    await apps.client(method=method, redirect_uris=(address,))
    step = await apps.begin(secret, prompt="none", redirect_uri=address)
    assert isinstance(step, Go)
    assert step.address is not None
    assert ("code=" in step.address, "error=consent_required" in step.address) == (renewed, not renewed)


async def test_prompt_login_and_max_age_have_the_user_sign_in_again(apps: Apps) -> None:
    who, secret = await apps.signed_in()
    apps.authority.clock.advance(61)
    assert (await shown(apps, secret, max_age="120")).page == "consent"
    assert (await shown(apps, secret, max_age="60")).page == "login"
    due = await shown(apps, secret, prompt="login")
    assert due.page == "login"
    again, _ = await apps.signed_in()
    gone = await apps.smart.flow.signed_in(due.id, secret, again)
    step = await apps.smart.flow.show(due.id, gone.browser or "", HERE)
    assert isinstance(step, Show)
    assert step.page == "consent"
    assert who.grant.id != again.grant.id
