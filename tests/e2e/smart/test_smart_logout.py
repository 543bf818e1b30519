"""Signing out at the wish of an app, over real HTTP."""

from __future__ import annotations

from urllib.parse import urlencode

import httpx
import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.clinic import SCOPE, Clinic
from tests.fakes.visitor import Pkce, Visitor, answered

BYE = "http://127.0.0.1:9/bye"


def leaving(visitor: Visitor, **said: str) -> httpx.Response:
    """Send a browser to sign out, as an app does."""
    return visitor.open(f"/auth/logout?{urlencode(said)}")


def is_signed_in(clinic: Clinic, visitor: Visitor, app: dict[str, str]) -> bool:
    return "/login" not in visitor.open(clinic.authorization(app, Pkce())).text


def test_an_app_signs_out_whose_identity_token_it_has(clinic: Clinic) -> None:
    app, email, pkce = clinic.app(post_logout_redirect_uris=[BYE]), clinic.patient(), Pkce()
    assert app["post_logout_redirect_uris"] == [BYE]
    with Visitor(clinic.root, email) as visitor:
        code = visitor.grant(clinic.authorization(app, pkce))["code"]
        tokens = clinic.exchange(app, code, pkce).json()
        assert is_signed_in(clinic, visitor, app)
        said = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE, "state": "x y"}
        page = leaving(visitor, **said)
        assert (page.status_code, page.headers["location"]) == (303, f"{BYE}?state=x+y")
        assert not is_signed_in(clinic, visitor, app)
        page = leaving(visitor, id_token_hint=tokens["id_token"])
        assert (page.status_code, "You are signed out" in page.text) == (200, True)
    # What was granted for longer than the session stays the user's to take back.
    assert clinic.fhir(tokens["access_token"], "Observation").status_code == 200


def test_who_is_signed_in_is_asked_where_the_app_cannot_tell_who_that_is(clinic: Clinic) -> None:
    app, email = clinic.app(post_logout_redirect_uris=[BYE], client_name="Chart <b>"), clinic.patient()
    with Visitor(clinic.root, email) as visitor:
        visitor.grant(clinic.authorization(app, Pkce()))
        said = {"client_id": app["client_id"], "post_logout_redirect_uri": BYE, "state": '"><script>'}
        page = leaving(visitor, **said)
        assert (page.status_code, "Sign out?" in page.text, email in page.text) == (200, True, True)
        assert ("Chart <b>" in page.text, "<script>" in page.text) == (False, False)
        policy = page.headers["content-security-policy"]
        assert "form-action 'self' http://127.0.0.1:9;" in policy
        assert "frame-ancestors 'none'" in policy
        for site in ({"Origin": "http://127.0.0.1:9"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = visitor.http.post("/auth/logout/confirm", data=said, headers=site)
            assert answer.status_code in (400, 403), answer.text
            assert "location" not in answer.headers
        assert is_signed_in(clinic, visitor, app)
        left = visitor.submit(page, "/confirm")
        assert answered(left) == {"state": '"><script>'}
        assert left.headers["location"].startswith(f"{BYE}?")
        assert not is_signed_in(clinic, visitor, app)


def test_a_form_of_the_app_does_as_well(clinic: Clinic) -> None:
    app, email = clinic.app(post_logout_redirect_uris=[BYE]), clinic.patient()
    said = {"client_id": app["client_id"], "post_logout_redirect_uri": BYE}
    with Visitor(clinic.root, email) as visitor:
        answer = visitor.http.post("/auth/logout", data=said, headers={"Origin": "http://127.0.0.1:9"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/auth/logout?{urlencode(said)}")
        assert visitor.open(answer.headers["location"]).headers["location"] == BYE


@pytest.mark.parametrize(
    "address",
    [
        *("//evil.example", "https://evil.example/", f"{BYE}/", f"{BYE}?x=1", f"{BYE}#x", BYE.upper(), "*"),
        *(BYE.replace(":9", ":8"), BYE.replace("/bye", "/%62ye"), f"{BYE}/../evil", "http://127.0.0.1:9/callback"),
        *("http://127.0.0.1:9@evil.example/bye", "javascript:alert(1)"),
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(clinic: Clinic, address: str) -> None:
    app, email = clinic.app(post_logout_redirect_uris=[BYE]), clinic.patient()
    with Visitor(clinic.root, email) as visitor:
        visitor.open(clinic.authorization(app, Pkce()))
        page = leaving(visitor, client_id=app["client_id"], post_logout_redirect_uri=address)
        assert (page.status_code, "location" in page.headers) == (400, False)
        assert "evil" not in page.text


def test_an_app_registers_no_address_that_is_none(clinic: Clinic) -> None:
    said = {"client_name": "X", "redirect_uris": [BYE], "scope": "patient/*.rs"}
    for each in ("http://evil.example/", "javascript:alert(1)", "https://x/#a"):
        wrong = clinic.http.post("/auth/register", json=said | {"post_logout_redirect_uris": [each]})
        assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_redirect_uri")


def test_signing_out_ends_the_session_and_what_was_granted_for_it(clinic: Clinic) -> None:
    app, email, pkce = clinic.app(), clinic.patient(), Pkce()
    with Visitor(clinic.root, email) as visitor:
        page = visitor.open(clinic.authorization(app, pkce, scope=SCOPE.replace("offline", "online")))
        page = visitor.submit(page, "/login", email=email, password=PASSWORD)
        ticked = SCOPE.replace("offline", "online").split()
        code = answered(visitor.submit(page, "/decision", scope=ticked, decision="allow"))["code"]
        tokens = clinic.exchange(app, code, pkce).json()
        assert clinic.fhir(tokens["access_token"], "Observation").status_code == 200
        assert leaving(visitor, id_token_hint=tokens["id_token"]).status_code == 200
    assert clinic.fhir(tokens["access_token"], "Observation").status_code == 401
