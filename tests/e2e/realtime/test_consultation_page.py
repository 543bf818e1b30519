"""The page of the demo in two real browsers: a whole video consultation, and what it leaves in the record."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.command import Running
from tests.fakes.node import FOLDER, chromium, consultation_page, run_script

pytestmark = pytest.mark.external
ACCOUNT = re.compile(r"^ {2}(patient|doctor|admin) +(\S+) +(\S+)$", re.M)


def bearer(http: httpx.Client, account: dict[str, str]) -> dict[str, str]:
    signed = http.post("/api/v1/auth/login", json=account).raise_for_status().json()["data"]
    return {"Authorization": f"Bearer {signed['tokens']['access_token']}"}


def screenshots() -> Path:
    """Return where the pictures of the pages are left for somebody to look at."""
    folder = FOLDER / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def advance(calls: list[dict[str, Any]]) -> bool:
    """Whether pictures came and went on coming, at both ends, over a connection that stands."""
    return all(
        each["before"]["decoded"] < each["after"]["decoded"]
        and each["after"]["ice"] in ("connected", "completed")
        and (each["after"]["width"], each["after"]["height"]) == (320, 240)
        and each["after"]["sound"]
        for each in calls
    )


def test_two_browsers_hold_a_consultation(tmp_path: Path) -> None:
    consultation_page()
    stun = {"FHIR_SERVER_STUN_URLS": "stun:127.0.0.1:9"}
    log = tmp_path / "server.log"
    demo = ["demo", "--temporary", "--port", "0", "--auth", "required"]
    with Running(demo, tmp_path, log=log, **stun) as server, httpx.Client(base_url=server.root) as http:
        address = f"{server.root}/consultation/"
        assert address in server.said
        found = {role: {"email": email, "password": word} for role, email, word in ACCOUNT.findall(server.said)}
        shots = {"shots": os.environ.get("SCREENSHOTS") or str(screenshots())}
        who = {"patient": found["patient"], "doctor": found["doctor"]}
        seen = run_script("consultation.mjs", {"browser": chromium(), "page": address, **who, **shots})
        assert seen["languages"] == ["fr", "en"]
        assert seen["early"] is True
        assert advance(seen["calls"]), seen["calls"]
        assert seen["state"] == ["You are connected.", "Vous êtes en communication."]
        assert seen["ice"] == [{"urls": ["stun:127.0.0.1:9"]}]
        both = ["Bonjour docteur <b>!</b>", "Good morning"]
        assert seen["chat"] == [both, both]
        assert seen["kept"] == "Messages are not kept."
        assert (seen["muted"], seen["pressed"], seen["wide"]) == ("Micro coupé", "true", False)
        assert advance(seen["again"]), seen["again"]
        assert seen["over"] == ["You have ended the call.", "Dr Hélène Garnier a terminé l’appel."]
        assert seen["stopped"] is True
        assert (seen["flaws"], seen["noise"]) == ([], [])

        doctor = bearer(http, found["doctor"])
        asked = {"subject": "Patient/camille-moreau", "_sort": "-_lastUpdated", "_count": "1"}
        (entry,) = http.get("/fhir/Encounter", params=asked, headers=doctor).json()["entry"]
        encounter = entry["resource"]
        assert encounter["status"] == "finished"
        assert encounter["class"]["code"] == "VR"
        assert encounter["period"]["start"] < encounter["period"]["end"]
        assert [each["status"] for each in encounter["statusHistory"]] == ["planned", "arrived", "in-progress"]
    assert "Traceback" not in log.read_text()


def test_the_page_may_do_what_it_needs_and_the_api_no_more_than_before(tmp_path: Path) -> None:
    consultation_page()
    demo = ["demo", "--temporary", "--port", "0", "--auth", "required"]
    with Running(demo, tmp_path) as server, httpx.Client(base_url=server.root) as http:
        page = http.get("/consultation/")
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
        assert "unsafe" not in policy
        assert page.headers["permissions-policy"] == "camera=(self), microphone=(self)"
        assert page.headers["x-content-type-options"] == "nosniff"
        (script,) = re.findall(r'src="\./(assets/[^"]+\.js)"', page.text)
        assert "immutable" in http.get(f"/consultation/{script}").headers["cache-control"]
        away = http.get("/consultation", headers={"Host": "elsewhere.example"})
        assert (away.status_code, away.headers["location"]) == (308, "/consultation/")
        for path in ("nothing", "assets", "..%2f..%2fcli.py", "%2e%2e/clinic.json"):
            assert http.get(f"/consultation/{path}").status_code == 404
        for path in ("/api/v1/me", "/fhir/metadata?_format=xml"):
            answer = http.get(path)
            assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert "permissions-policy" not in answer.headers
