"""Passkeys as a real browser makes them, from a page of the front end (https://www.w3.org/TR/webauthn-2/)."""

from __future__ import annotations

import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.clinic import clinic_in
from tests.fakes.node import chromium, run_script
from tests.fakes.quiet import Quiet

pytestmark = pytest.mark.external


def test_a_browser_adds_a_passkey_and_signs_in_with_it_alone(tmp_path: Path) -> None:
    pages, store = tmp_path / "pages", tmp_path / "store"
    pages.mkdir()
    store.mkdir()
    (pages / "index.html").write_text("<!doctype html><title>The front end</title>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(pages))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        # A passkey is for a name, which an address such as 127.0.0.1 is not.
        front = f"http://localhost:{server.server_port}"
        with clinic_in(store, FHIR_SERVER_APP_URL=front, FHIR_SERVER_CORS_ORIGINS=front) as clinic:
            email = clinic.patient()
            who = {"email": email, "password": PASSWORD, "api": clinic.root}
            asked = {"browser": chromium(), "profile": str(tmp_path / "profile"), "page": f"{front}/index.html"}
            said = run_script("passkey.mjs", {**asked, **who})
            sessions = clinic.http.get("/api/v1/auth/sessions", headers=clinic.login(email)).json()["data"]
            passkeys = clinic.http.get("/api/v1/auth/passkeys", headers=clinic.login(email)).json()["data"]
        server.shutdown()
    assert said["added"] == 201
    assert said["entered"] == {"status": 200, "email": email}
    assert said["unverified"] == {"error": "NotAllowedError"}
    assert [each["label"] for each in passkeys] == ["This browser"]
    assert len(sessions) == 4
