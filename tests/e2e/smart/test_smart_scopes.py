"""What granted scopes open, over real HTTP: reads, histories, searches, includes and writes see no more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.clinic import CATEGORY, Clinic, observation, words
from tests.fakes.visitor import Pkce, Visitor

LABORATORY = f"patient/Observation.rs?category={CATEGORY}|laboratory"


class World:
    """A patient with a laboratory result and a vital sign, and an app."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic
        self.email = clinic.patient()
        self.id = clinic.id_of(self.email)
        self.app = clinic.app()
        own = clinic.login(self.email)
        for name, category in (("laboratory", "laboratory"), ("vital", "vital-signs")):
            made = clinic.http.post("/fhir/Observation", json=observation(self.id, category), headers=own)
            assert made.status_code == 201, made.text
            setattr(self, name, made.json()["id"])
        self.laboratory: str
        self.vital: str

    def granted(self, scope: str) -> str:
        """Return an access token."""
        return str(self.clinic.granted(self.app, self.email, scope=scope)["access_token"])

    def status(self, token: str, path: str, method: str = "GET", **more: Any) -> int:
        return self.clinic.fhir(token, path, method, **more).status_code

    def ids(self, token: str, path: str) -> set[str]:
        """Return the ids in a Bundle."""
        answer = self.clinic.fhir(token, path)
        assert answer.status_code == 200, answer.text
        return {each["resource"]["id"] for each in answer.json().get("entry", ()) if "resource" in each}


@pytest.fixture(scope="module")
def world(clinic: Clinic) -> World:
    """The patient and the app."""
    return World(clinic)


def test_a_granular_scope_restricts_every_way_to_a_resource(world: World) -> None:
    token = world.granted(f"launch/patient {LABORATORY} patient/Patient.rs")
    lab, vital, id = world.laboratory, world.vital, world.id
    assert [world.status(token, f"Observation/{each}") for each in (lab, vital)] == [200, 404]
    assert [world.status(token, f"Observation/{each}/_history/1") for each in (lab, vital)] == [200, 404]
    assert [world.status(token, f"Observation/{each}/_history") for each in (lab, vital)] == [200, 404]
    assert world.ids(token, "Observation") == {lab}
    assert world.ids(token, "Observation?category=vital-signs") == set()
    assert world.ids(token, f"Patient/{id}/Observation") == {lab}
    assert world.ids(token, "Observation/_history") == {lab}
    assert world.ids(token, f"Patient?_id={id}&_revinclude=Observation:subject") == {id, lab}
    assert world.ids(token, f"Patient?_id={id}&_has:Observation:subject:category=vital-signs") == set()
    assert world.ids(token, f"Patient?_id={id}&_has:Observation:subject:category=laboratory") == {id}
    assert world.clinic.fhir(token, "Observation?_summary=count").json()["total"] == 1


def test_granular_scopes_add_up(world: World) -> None:
    vital = f"patient/Observation.rs?category={CATEGORY}|vital-signs"
    assert world.ids(world.granted(f"{LABORATORY} {vital}"), "Observation") == {world.laboratory, world.vital}


def test_a_user_narrows_what_is_asked_for(world: World) -> None:
    pkce = Pkce()
    asked = world.clinic.authorization(world.app, pkce, scope="launch/patient patient/Observation.rs")
    with Visitor(world.clinic.root, world.email) as visitor:
        code = visitor.grant(asked, untick=("patient/Observation.rs",), also=(LABORATORY,))["code"]
    got = world.clinic.exchange(world.app, code, pkce).json()
    assert words(got["scope"]) == {"launch/patient", LABORATORY}
    assert world.ids(got["access_token"], "Observation") == {world.laboratory}


def test_a_type_that_is_not_granted_is_403_and_its_includes_are_left_out(world: World) -> None:
    token = world.granted("launch/patient patient/Observation.rs")
    assert world.status(token, f"Patient/{world.id}") == 403
    assert world.status(token, "Patient") == 403
    assert world.status(token, "Condition?code=x") == 403
    assert world.ids(token, "Observation?_include=Observation:subject") == {world.laboratory, world.vital}


def test_letters_are_what_they_say(world: World) -> None:
    token = world.granted("launch/patient patient/Observation.r")
    made = observation(world.id)
    assert world.status(token, f"Observation/{world.vital}") == 200
    assert world.status(token, f"Observation/{world.vital}/_history") == 200
    assert [world.status(token, path) for path in ("Observation", "Observation/_history")] == [403, 403]
    assert world.status(token, "Observation", "POST", json=made) == 403
    assert world.status(token, f"Observation/{world.vital}", "DELETE") == 403
    writer = world.granted("launch/patient patient/Observation.c")
    assert world.status(writer, f"Observation/{world.vital}") == 403
    assert world.status(writer, "Observation", "POST", json=made) == 201
    own = world.clinic.login(world.email)
    found = world.clinic.http.get("/fhir/Observation", headers=own).json()["entry"]
    for each in found:
        if each["resource"]["id"] not in (world.laboratory, world.vital):
            world.clinic.http.delete(f"/fhir/Observation/{each['resource']['id']}", headers=own).raise_for_status()


def test_a_scope_asks_nothing_of_resources_out_of_reach(clinic: Clinic) -> None:
    app, email, other = clinic.app(), clinic.patient(), clinic.patient()
    id, stranger = clinic.id_of(email), clinic.id_of(other)
    theirs = clinic.http.get(f"/fhir/Patient/{stranger}", headers=clinic.login(other)).json()
    named = theirs | {"name": [{"family": "Zsecret"}]}
    clinic.http.put(f"/fhir/Patient/{stranger}", json=named, headers=clinic.login(other)).raise_for_status()
    about = observation(id) | {"focus": [{"reference": f"Patient/{stranger}"}]}
    clinic.http.post("/fhir/Observation", json=about, headers=clinic.login(email)).raise_for_status()
    for guess in ("Zsecret", "Nobody"):
        scope = f"openid launch/patient patient/Observation.rs?_filter=focus.family%20eq%20{guess}"
        tokens = clinic.granted(app, email, scope=scope)
        assert words(tokens["scope"]) == {"openid", "launch/patient"}
        assert clinic.fhir(tokens["access_token"], "Observation").status_code == 403


def test_scopes_of_version_1_are_said_back_as_they_were_asked(world: World) -> None:
    got = world.clinic.granted(world.app, world.email, scope="launch/patient patient/*.read openid")
    assert words(got["scope"]) == {"launch/patient", "patient/*.read", "openid"}
    assert world.ids(got["access_token"], "Observation") == {world.laboratory, world.vital}
    assert world.status(got["access_token"], "Observation", "POST", json=observation(world.id)) == 403


def test_scopes_that_are_none_are_left_out_and_nothing_else_is_read_into_them(world: World) -> None:
    got = world.clinic.granted(
        world.app, world.email, scope="launch/patient patient/Observation.rs patient/Condition.sr a/b.c"
    )
    assert words(got["scope"]) == {"launch/patient", "patient/Observation.rs"}


def test_a_refresh_may_ask_for_less(world: World) -> None:
    scope = "launch/patient offline_access patient/Patient.rs patient/Observation.rs"
    got = world.clinic.granted(world.app, world.email, scope=scope)
    form = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"], "client_id": world.app["client_id"]}
    less = world.clinic.token(scope="patient/Patient.r", **form).json()
    assert less["scope"] == "patient/Patient.r"
    assert world.status(less["access_token"], f"Patient/{world.id}") == 200
    assert world.status(less["access_token"], "Observation") == 403
    assert world.status(less["access_token"], "Patient") == 403


def test_nobody_is_reached_by_another_patients_token(world: World) -> None:
    somebody = world.clinic.id_of(world.clinic.patient())
    token = world.granted("launch/patient patient/*.cruds")
    assert world.status(token, f"Patient/{somebody}") == 404
    assert world.status(token, f"Observation?patient=Patient/{somebody}") == 200
    assert world.ids(token, f"Observation?patient=Patient/{somebody}") == set()
    assert world.status(token, "Observation", "POST", json=observation(somebody)) in (403, 404)
