"""The SMART JavaScript client in a real browser: opened by itself and from outside, in both languages."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.clinic import SCOPE, Clinic, encounter, observation, words
from tests.fakes.node import chromium, external_folder, run_script
from tests.fakes.quiet import Quiet

pytestmark = pytest.mark.external


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app's web server: its address."""
    folder, source = tmp_path_factory.mktemp("app"), external_folder()
    for name in ("launch.html", "app.html", "node_modules/fhirclient/build/fhir-client.min.js"):
        shutil.copy(source / name, folder / Path(name).name)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def visit(folder: Path, start: str, email: str, locale: str, width: int) -> dict[str, Any]:
    """Go through an authorization in a browser; return what was seen."""
    more = {"locale": locale, "width": width, "shots": os.environ.get("SCREENSHOTS", "")}
    who = {"email": email, "password": PASSWORD}
    return run_script("visit.mjs", {"browser": chromium(), "profile": str(folder), "start": start, **who, **more})


@pytest.mark.parametrize(("locale", "width"), [("fr-FR", 1200), ("en-GB", 360)])
def test_an_app_opened_by_itself(clinic: Clinic, pages: str, tmp_path: Path, locale: str, width: int) -> None:
    app, email = clinic.app(redirect_uris=[f"{pages}/app.html"], client_name="Croissance"), clinic.patient()
    id = clinic.id_of(email)
    clinic.http.post("/fhir/Observation", json=observation(id), headers=clinic.login(email)).raise_for_status()
    asked = {"server": clinic.base, "client": app["client_id"], "scope": SCOPE}
    said = visit(tmp_path, f"{pages}/launch.html?{urlencode(asked)}", email, locale, width)
    assert (said["language"], said["wide"]) == (locale[:2], False)
    told = said["told"]
    assert "error" not in told, told
    assert (told["patient"], told["total"], told["after"]) == (id, 1, id), told
    assert (told["user"], told["refreshed"], told["refused"]) == (f"Patient/{id}", True, 403)
    assert words(told["scope"]) == words(SCOPE)


@pytest.mark.parametrize(("locale", "width"), [("fr-FR", 360), ("en-GB", 1200)])
def test_an_app_is_told_of_the_encounter_that_its_user_chooses(
    clinic: Clinic, pages: str, tmp_path: Path, locale: str, width: int
) -> None:
    app, email, doctor = clinic.app(redirect_uris=[f"{pages}/app.html"]), clinic.patient(), clinic.doctor()
    clinic.book(email, doctor)
    id = clinic.id_of(email)
    met = clinic.http.post("/fhir/Encounter", json=encounter(id), headers=clinic.login(doctor)).raise_for_status()
    scope = f"{SCOPE} launch/encounter patient/Encounter.r"
    asked = {"server": clinic.base, "client": app["client_id"], "scope": scope}
    said = visit(tmp_path, f"{pages}/launch.html?{urlencode(asked)}", email, locale, width)
    told = said["told"]
    assert "error" not in told, told
    assert (told["patient"], told["encounter"], said["wide"]) == (id, met.json()["id"], False), told
    assert words(told["scope"]) == words(scope)


def test_an_app_opened_from_outside_is_told_with_what(clinic: Clinic, pages: str, tmp_path: Path) -> None:
    app = clinic.app(redirect_uris=[f"{pages}/app.html"], launch_uris=[f"{pages}/launch.html"])
    email = clinic.patient()
    id, scope = clinic.id_of(email), "launch openid fhirUser patient/Patient.rs patient/Observation.rs"
    asked = {"client_id": app["client_id"], "patient": id, "intent": "summary-timeline-view"}
    opened = clinic.http.post("/auth/launch", json=asked, headers=clinic.login(email)).json()["data"]
    query = {"iss": opened["iss"], "launch": opened["launch"], "client": app["client_id"], "scope": scope}
    said = visit(tmp_path, f"{opened['launch_uri']}?{urlencode(query)}", email, "en-GB", 1200)
    told = said["told"]
    assert "error" not in told, told
    assert (told["patient"], told["total"], told["intent"]) == (id, 0, "summary-timeline-view"), told
    assert words(told["scope"]) == words(scope)


def test_a_doctor_opens_an_app_with_who_has_booked_and_sees_nobody_else(
    clinic: Clinic, pages: str, tmp_path: Path
) -> None:
    app = clinic.app(redirect_uris=[f"{pages}/app.html"], launch_uris=[f"{pages}/launch.html"])
    email, doctor = clinic.patient(), clinic.doctor()
    id, who = clinic.id_of(email), clinic.id_of(doctor)
    clinic.http.post("/fhir/Observation", json=observation(id), headers=clinic.login(email)).raise_for_status()

    def opened(profile: str, scope: str, **about: str) -> dict[str, Any]:
        asked = {"client_id": app["client_id"], **about}
        answer = clinic.http.post("/auth/launch", json=asked, headers=clinic.login(doctor))
        assert answer.status_code == 201, answer.text
        said = answer.json()["data"]
        query = {"iss": said["iss"], "launch": said["launch"], "client": app["client_id"], "scope": scope}
        start = f"{said['launch_uri']}?{urlencode({**query, 'look': f'Patient/{id}'})}"
        told = visit(tmp_path / profile, start, doctor, "en-GB", 1200)["told"]
        assert "error" not in told, told
        assert told["user"] == f"Practitioner/{who}"
        return dict(told)

    asked = {"client_id": app["client_id"], "patient": id}
    assert clinic.http.post("/auth/launch", json=asked, headers=clinic.login(doctor)).status_code == 404
    everybody = "launch openid fhirUser user/Patient.rs user/Observation.rs"
    stranger = opened("stranger", everybody)
    assert (stranger["total"], stranger["looked"]) == (0, 404)

    booked = clinic.book(email, doctor)
    told = opened("booked", "launch openid fhirUser patient/Patient.rs patient/Observation.rs", patient=id)
    assert (told["patient"], told["total"], told["looked"]) == (id, 1, 200)

    clinic.http.post(f"{booked}/cancel", headers=clinic.login(email)).raise_for_status()
    gone = opened("gone", everybody)
    assert (gone["total"], gone["looked"]) == (0, 404)
