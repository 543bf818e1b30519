"""What apps hear on sockets: the subscriptions that they have asked for themselves, within their scopes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.fakes.clinic import Clinic, bearer
from tests.fakes.patience import PATIENCE
from tests.fakes.subscribing import topical

NARROW = "launch/patient user/Subscription.rs"
WIDE = "launch/patient user/Subscription.cruds user/DocumentReference.rs"
WHOLE = f"{WIDE} user/Patient.rs offline_access"


class World:
    """A patient who has a subscription of the platform's own, and an app."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic
        self.email = clinic.patient()
        self.id = clinic.id_of(self.email)
        self.session = clinic.login(self.email)["Authorization"].removeprefix("Bearer ")
        self.app = clinic.app()
        self.own = self.subscribe(self.session)

    def subscribe(self, token: str) -> str:
        """Ask to be told on sockets of documents, in full; return the id of the active subscription."""
        asked = topical("document", "", content="full-resource", channel={"type": "websocket"})
        del asked["channel"]["endpoint"]
        made = self.clinic.fhir(token, "Subscription", "POST", json=asked)
        assert made.status_code == 201, made.text
        id = str(made.json()["id"])
        self.active(token, id)
        return id

    def active(self, token: str, id: str) -> None:
        """Wait until a subscription is active."""
        ends = time.monotonic() + PATIENCE
        while self.clinic.fhir(token, f"Subscription/{id}").json()["status"] != "active":
            assert time.monotonic() < ends
            time.sleep(0.05)

    def granted(self, app: dict[str, Any], scope: str) -> str:
        return str(self.clinic.granted(app, self.email, scope=scope)["access_token"])

    def narrowed(self, granted: dict[str, Any], scope: str) -> str:
        """Return an access token for fewer scopes than an app was granted (RFC 6749, 6)."""
        form = {"refresh_token": granted["refresh_token"], "client_id": self.app["client_id"], "scope": scope}
        answer = self.clinic.token(grant_type="refresh_token", **form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def socket(self, token: str = "") -> ClientConnection:
        query = f"?token={token}" if token else ""
        return connect(f"{self.clinic.root.replace('http', 'ws', 1)}/socket/subscriptions{query}")

    def document(self) -> str:
        written = {
            "resourceType": "DocumentReference",
            "status": "current",
            "subject": {"reference": f"Patient/{self.id}"},
            "description": "Biopsy",
            "content": [{"attachment": {"url": "https://x.example/1"}}],
        }
        made = self.clinic.http.post("/fhir/DocumentReference", json=written, headers=bearer(self.session))
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def binding(self, token: str, query: str = "") -> Any:
        return self.clinic.fhir(token, f"Subscription/$get-ws-binding-token{query}")


@pytest.fixture(scope="module")
def world(clinic: Clinic) -> World:
    return World(clinic)


def say(connection: ClientConnection, text: str) -> str:
    connection.send(text)
    return str(connection.recv(timeout=PATIENCE))


def resources(text: str | bytes) -> list[str]:
    """Return of which types a notification holds resources."""
    told = [each["resource"] for each in json.loads(text)["entry"] if "resource" in each]
    return sorted(each["resourceType"] for each in told)


def silent(connection: ClientConnection) -> bool:
    try:
        connection.recv(timeout=1)
    except TimeoutError:
        return True
    return False


def test_an_app_does_not_hear_by_its_users_subscription_what_its_scopes_do_not_open(world: World) -> None:
    token = world.granted(world.app, NARROW)
    document = world.document()
    assert world.clinic.fhir(token, f"DocumentReference/{document}").status_code in (403, 404)
    with world.socket(token) as connection:
        assert say(connection, f"bind {world.own}").startswith(f"error bind {world.own}")
        world.document()
        assert silent(connection)
    assert world.binding(token, f"?id={world.own}").status_code == 404
    named = [row["name"] for row in world.binding(token).json()["parameter"]]
    assert "subscription" not in named


def test_an_app_hears_what_it_has_asked_for_itself_and_no_other_app_does(world: World) -> None:
    token = world.granted(world.app, WIDE)
    id = world.subscribe(token)
    other = world.granted(world.clinic.app(client_name="Another"), WIDE)
    with world.socket(other) as connection:
        assert say(connection, f"bind {id}").startswith(f"error bind {id}")
    with world.socket(token) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        document = world.document()
        told = json.loads(connection.recv(timeout=PATIENCE))
    resources = [each["resource"] for each in told["entry"] if "resource" in each]
    assert [each["id"] for each in resources if each["resourceType"] == "DocumentReference"] == [document]


def test_an_app_hears_no_more_of_one_that_its_user_has_asked_for_anew(world: World) -> None:
    token = world.granted(world.app, WIDE)
    id = world.subscribe(token)
    with world.socket(token) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        asked = world.clinic.fhir(world.session, f"Subscription/{id}").json() | {"status": "requested"}
        again = world.clinic.fhir(world.session, f"Subscription/{id}", "PUT", json=asked)
        assert again.status_code == 200, again.text
        world.active(world.session, id)
        world.document()
        assert silent(connection)


def test_who_has_signed_in_hears_what_their_apps_have_asked_for(world: World) -> None:
    id = world.subscribe(world.granted(world.app, WIDE))
    with world.socket(world.session) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"


def test_a_token_for_less_than_was_granted_hears_nothing_of_a_type_out_of_its_scope(world: World) -> None:
    granted = world.clinic.granted(world.app, world.email, scope=WHOLE)
    whole, less = str(granted["access_token"]), world.narrowed(granted, "user/Subscription.rs")
    id = world.subscribe(whole)
    with world.socket(less) as connection:
        assert say(connection, f"bind {id}").startswith(f"error bind {id}")
        world.document()
        assert silent(connection)
    assert world.binding(less, f"?id={id}").status_code == 404
    with world.socket(whole) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        assert "DocumentReference" in resources(connection.recv(timeout=PATIENCE))


@contextmanager
def by_access_token(world: World, token: str, id: str) -> Iterator[ClientConnection]:
    with world.socket(token) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        yield connection


@contextmanager
def by_binding_token(world: World, token: str, id: str) -> Iterator[ClientConnection]:
    told = world.binding(token, f"?id={id}").json()["parameter"]
    (secret,) = [row["valueString"] for row in told if row["name"] == "token"]
    with world.socket() as connection:
        assert "handshake" in say(connection, f"bind-with-token {secret}")
        yield connection


@pytest.mark.parametrize("enter", [by_access_token, by_binding_token])
def test_a_token_for_less_than_was_granted_is_told_what_its_scopes_show(world: World, enter: Any) -> None:
    """The topic tells of the Patient besides, and the grant would show it."""
    granted = world.clinic.granted(world.app, world.email, scope=WHOLE)
    whole = str(granted["access_token"])
    less = world.narrowed(granted, "user/Subscription.rs user/DocumentReference.rs")
    id = world.subscribe(whole)
    with enter(world, less, id) as narrow, enter(world, whole, id) as wide:
        document = world.document()
        for connection, shown in ((narrow, []), (wide, ["Patient"])):
            told = connection.recv(timeout=PATIENCE)
            assert document in str(told)
            assert resources(told) == ["DocumentReference", "Parameters", *shown]
            assert ("additional-context" in str(told)) is bool(shown)


def test_what_a_token_for_less_has_asked_for_tells_no_more_by_the_whole_grant(world: World) -> None:
    granted = world.clinic.granted(world.app, world.email, scope=WHOLE)
    id = world.subscribe(world.narrowed(granted, WIDE.removeprefix("launch/patient ")))
    with by_access_token(world, str(granted["access_token"]), id) as connection:
        world.document()
        assert resources(connection.recv(timeout=PATIENCE)) == ["DocumentReference", "Parameters"]
