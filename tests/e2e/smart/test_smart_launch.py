"""Authorizations over real HTTP, step by step: what each page, redirect and token says."""

from __future__ import annotations

from tests.fakes.authority import PASSWORD
from tests.fakes.clinic import SCOPE, Clinic, bearer, encounter, observation, words
from tests.fakes.visitor import CALLBACK, Pkce, Visitor, answered, checked


def test_an_app_is_granted_what_its_user_ticks_reads_it_and_goes_on_by_refresh(clinic: Clinic) -> None:
    app, email = clinic.app(), clinic.patient()
    id, pkce = clinic.id_of(email), Pkce()
    clinic.http.post("/fhir/Observation", json=observation(id), headers=clinic.login(email)).raise_for_status()
    with Visitor(clinic.root, email) as visitor:
        page = visitor.open(clinic.authorization(app, pkce, nonce="n-0S6"))
        assert "Growth chart asks you to sign in." in page.text
        page = visitor.submit(page, "/login", email=email, password="a wrong password")
        assert (page.status_code, "is wrong" in page.text) == (401, True)
        page = visitor.submit(page, "/login", email=email, password=PASSWORD)
        assert words(" ".join(checked(page))) == words(SCOPE)
        left = visitor.submit(
            page, "/decision", scope=words(SCOPE) - {"offline_access"} | {"offline_access"}, decision="allow"
        )
    told = answered(left)
    assert left.headers["location"].startswith(f"{CALLBACK}?")
    assert (told["state"], told["iss"]) == ("a-state-that-nobody-guesses", clinic.base)
    got = clinic.exchange(app, told["code"], pkce)
    assert (got.headers["cache-control"], got.headers["pragma"]) == ("no-store", "no-cache")
    tokens = got.json()
    assert (tokens["token_type"], tokens["expires_in"], tokens["patient"]) == ("Bearer", 3600, id)
    assert words(tokens["scope"]) == words(SCOPE)
    assert clinic.fhir(tokens["access_token"], f"Patient/{id}").json()["id"] == id
    assert clinic.fhir(tokens["access_token"], "Observation").json()["total"] == 1
    again = clinic.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"], client_id=app["client_id"])
    assert words(again.json()["scope"]) == words(SCOPE)
    assert again.json()["refresh_token"] != tokens["refresh_token"]
    assert clinic.fhir(again.json()["access_token"], f"Patient/{id}").status_code == 200


def test_who_says_no_is_not_asked_for_more_and_the_app_is_told(clinic: Clinic) -> None:
    app, email = clinic.app(), clinic.patient()
    with Visitor(clinic.root, email) as visitor:
        page = visitor.open(clinic.authorization(app, Pkce()))
        page = visitor.submit(page, "/login", email=email, password=PASSWORD)
        told = answered(visitor.submit(page, "/decision", decision="deny"))
        assert (told["error"], told["state"]) == ("access_denied", "a-state-that-nobody-guesses")


def test_an_app_opened_with_a_patient_is_told_of_it(clinic: Clinic) -> None:
    app = clinic.app(launch_uris=["http://127.0.0.1:9/launch"])
    email = clinic.patient()
    asked = {"client_id": app["client_id"], "patient": clinic.id_of(email), "intent": "reconcile-medications"}
    opened = clinic.http.post("/auth/launch", json=asked, headers=clinic.login(email))
    assert opened.status_code == 201, opened.text
    said = opened.json()["data"]
    assert (said["iss"], said["launch_uri"]) == (clinic.base, "http://127.0.0.1:9/launch")
    scope = "launch openid fhirUser patient/Patient.rs"
    tokens = clinic.granted(app, email, scope=scope, launch=said["launch"])
    assert (tokens["patient"], tokens["intent"]) == (asked["patient"], "reconcile-medications")
    assert tokens["need_patient_banner"] is True
    style = clinic.http.get(tokens["smart_style_url"], headers={"Origin": "https://somebody.example"})
    assert (style.status_code, style.headers["access-control-allow-origin"]) == (200, "*")
    assert {"color_background", "color_text", "dim_font_size", "font_family_body"} <= style.json().keys()
    assert "refresh_token" not in tokens


def test_a_doctor_chooses_a_patient_and_an_encounter_for_an_app(clinic: Clinic) -> None:
    app, email, other, doctor = clinic.app(), clinic.patient(), clinic.patient(), clinic.doctor()
    clinic.book(email, doctor)
    id, stranger = clinic.id_of(email), clinic.id_of(other)

    def met(who: str, patient: str) -> str:
        answer = clinic.http.post("/fhir/Encounter", json=encounter(patient), headers=clinic.login(who))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    visit = met(doctor, id)
    scope, pkce = "launch/patient launch/encounter patient/Encounter.rs", Pkce()
    with Visitor(clinic.root, doctor) as visitor:
        page = visitor.open(clinic.authorization(app, pkce, scope=scope))
        page = visitor.submit(page, "/login", email=doctor, password=PASSWORD)
        assert 'name="patient"' in page.text
        page = visitor.submit(page, "/patient", patient=id)
        assert ("2026-03-02" in page.text, "Follow-up" in page.text) == (True, True)
        for wrong in ("nothing", stranger):
            assert visitor.submit(page, "/encounter", encounter=wrong).status_code == 400
        page = visitor.submit(page, "/encounter", encounter=visit)
        assert "Consultation: 2026-03-02, Follow-up" in page.text
        code = answered(visitor.submit(page, "/decision", scope=checked(page), decision="allow"))["code"]
    tokens = clinic.exchange(app, code, pkce).json()
    assert (tokens["patient"], tokens["encounter"], words(tokens["scope"])) == (id, visit, words(scope))
    assert clinic.fhir(tokens["access_token"], f"Encounter/{visit}").status_code == 200


def test_somebody_else_signs_in_at_the_same_browser(clinic: Clinic) -> None:
    app, first, second = clinic.app(), clinic.patient(), clinic.patient()
    with Visitor(clinic.root, first) as visitor:
        visitor.grant(clinic.authorization(app, Pkce()))
        page = visitor.open(clinic.authorization(app, Pkce()))
        assert first in page.text
        page = visitor.submit(page, "/sign-out")
        assert "/login" in page.text
        page = visitor.submit(page, "/login", email=second, password=PASSWORD)
        assert second in page.text


def test_who_is_signed_in_is_asked_for_consent_only_and_silently_not_at_all(clinic: Clinic) -> None:
    app, email = clinic.app(token_endpoint_auth_method="client_secret_basic"), clinic.patient()
    with Visitor(clinic.root, email) as visitor:
        silent = clinic.authorization(app, Pkce(), prompt="none")
        assert answered(visitor.open(silent))["error"] == "login_required"
        pkce = Pkce()
        code = visitor.grant(clinic.authorization(app, pkce))["code"]
        assert clinic.exchange(app, code, pkce).status_code == 200
        assert "code" in answered(visitor.open(silent))
        more = clinic.authorization(app, Pkce(), prompt="none", scope=f"{SCOPE} patient/Condition.rs")
        assert answered(visitor.open(more))["error"] == "consent_required"


def test_whoever_listens_on_the_users_machine_gets_nothing_without_the_user(clinic: Clinic) -> None:
    app, email, pkce = clinic.app(), clinic.patient(), Pkce()
    with Visitor(clinic.root, email) as visitor:
        code = visitor.grant(clinic.authorization(app, pkce))["code"]
        assert clinic.exchange(app, code, pkce).status_code == 200
        for address in (CALLBACK, CALLBACK.replace(":9/", ":4444/")):
            silent = visitor.open(clinic.authorization(app, Pkce(), prompt="none", redirect_uri=address))
            assert answered(silent)["error"] == "consent_required"


def test_users_see_which_apps_have_access_and_take_it_back(clinic: Clinic) -> None:
    app, email = clinic.app(client_name="Sleep diary"), clinic.patient()
    tokens = clinic.granted(app, email)
    assert clinic.fhir(tokens["access_token"], "Observation").status_code == 200
    with Visitor(clinic.root, email) as visitor:
        page = visitor.submit(
            visitor.open(f"{clinic.root}/auth/apps"), "/auth/apps/login", email=email, password=PASSWORD
        )
        assert "Sleep diary" in page.text
        page = visitor.submit(page, "/auth/apps", grant=page.text.partition('name="grant" value="')[2][:32])
        assert "The access has ended." in page.text
        assert "Sleep diary" not in page.text
    assert clinic.fhir(tokens["access_token"], "Observation").status_code == 401
    refused = clinic.token(
        grant_type="refresh_token", refresh_token=tokens["refresh_token"], client_id=app["client_id"]
    )
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_userinfo_and_introspection_say_what_was_granted(clinic: Clinic) -> None:
    app, email = clinic.app(token_endpoint_auth_method="client_secret_basic"), clinic.patient()
    id, tokens = clinic.id_of(email), clinic.granted(app, email)
    user = clinic.http.get("/auth/userinfo", headers=bearer(tokens["access_token"])).json()
    assert user == {"sub": id, "fhirUser": f"{clinic.base}/Patient/{id}"}
    auth = (app["client_id"], app["client_secret"])
    told = clinic.http.post("/auth/introspect", data={"token": tokens["access_token"]}, auth=auth).json()
    assert (told["active"], told["patient"], told["client_id"]) == (True, id, app["client_id"])
    assert (words(told["scope"]), told["fhirUser"]) == (words(tokens["scope"]), user["fhirUser"])
    assert clinic.http.post("/auth/revoke", data={"token": tokens["refresh_token"]}, auth=auth).status_code == 200
    assert clinic.fhir(tokens["access_token"], "Observation").status_code == 401
    told = clinic.http.post("/auth/introspect", data={"token": tokens["access_token"]}, auth=auth).json()
    assert told == {"active": False}


def test_a_service_acts_for_itself_for_five_minutes(clinic: Clinic) -> None:
    service = clinic.service()
    got = clinic.served(service, "system/Patient.cruds").json()
    assert (got["expires_in"], got["scope"], "refresh_token" in got) == (300, "system/Patient.cruds", False)
    made = clinic.fhir(
        got["access_token"], "Patient/of-an-ehr", "PUT", json={"resourceType": "Patient", "id": "of-an-ehr"}
    )
    assert made.status_code in (200, 201), made.text
    assert clinic.fhir(got["access_token"], "Observation").status_code == 403


def test_discovery_is_for_pages_of_every_origin_and_tokens_for_registered_ones(clinic: Clinic) -> None:
    app = clinic.app(redirect_uris=["https://chart.example/back"])
    asked = {"Origin": "https://somebody.example", "Accept": "text/html"}
    for name in ("smart-configuration", "openid-configuration"):
        answer = clinic.http.get(f"/fhir/.well-known/{name}", headers=asked)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert answer.json()["issuer"] == clinic.base
    metadata = clinic.http.get("/fhir/metadata", headers=asked | {"Accept": "application/fhir+json"})
    assert (metadata.status_code, metadata.headers["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-origin" not in clinic.http.get("/fhir/Patient", headers=asked).headers
    form = {"grant_type": "authorization_code", "code": "x", "client_id": app["client_id"]}
    ours = clinic.http.post("/auth/token", data=form, headers={"Origin": "https://chart.example"})
    assert (ours.status_code, ours.headers["access-control-allow-origin"]) == (400, "https://chart.example")
    theirs = clinic.http.post("/auth/token", data=form, headers={"Origin": "https://somebody.example"})
    assert "access-control-allow-origin" not in theirs.headers
    preflight = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    before = clinic.http.options("/fhir/Patient", headers={"Origin": "https://chart.example", **preflight})
    assert (before.status_code, before.headers["access-control-allow-origin"]) == (204, "https://chart.example")
