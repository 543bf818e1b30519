"""R4's websocket channel, heard with the `websockets` library (http://hl7.org/fhir/R4/subscription.html)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.realtime.conftest import Clinic, Person, clinic
from tests.e2e.subscriptions.conftest import Fhir, until
from tests.fakes.patience import PATIENCE
from tests.fakes.subscribing import WEIGHTS, subscription, topical, weight

__all__ = ["clinic"]
WEBSOCKET = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"


def fhir(person: Person) -> Fhir:
    return Fhir(person.http, person.token)


@contextmanager
def socket(clinic: Clinic, query: str = "") -> Iterator[ClientConnection]:
    address = clinic.root.replace("http", "ws", 1) + "/socket/subscriptions" + query
    with connect(address, open_timeout=10, close_timeout=5) as connection:
        yield connection


def by_token(clinic: Clinic, person: Person) -> Any:
    return socket(clinic, f"?token={person.token}")


def by_ticket(clinic: Clinic, person: Person) -> Any:
    ticket = person.ask("POST", "/api/v1/socket/ticket")["data"]["ticket"]
    return socket(clinic, f"?token={ticket}")


def say(connection: ClientConnection, text: str) -> str:
    connection.send(text)
    return hear(connection)


def hear(connection: ClientConnection) -> str:
    return str(connection.recv(timeout=PATIENCE))


def subscribe(person: Person, criteria: str = WEIGHTS) -> str:
    asked = subscription(criteria, "", payload=None) | {"channel": {"type": "websocket"}}
    return fhir(person).subscribe(asked)


def subscribe_to(person: Person, topic: str, content: str, **numbers: int) -> str:
    asked = topical(topic, "", content=content, channel={"type": "websocket"}, **numbers)
    del asked["channel"]["endpoint"]
    return fhir(person).subscribe(asked)


def document(person: Person, **more: str) -> str:
    """Have somebody write a document about themselves; return its id."""
    made = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": f"Patient/{person.id}"},
        "content": [{"attachment": {"url": "https://x.example/1"}}],
    }
    return fhir(person).create(made | more)


@pytest.mark.parametrize("enter", [by_token, by_ticket])
def test_who_is_bound_is_pinged(clinic: Clinic, enter: Any) -> None:
    person = clinic.register("patient")
    id = subscribe(person)
    with enter(clinic, person) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        for value in (1, 2):
            fhir(person).create(weight(person.id, value))
            assert hear(connection) == f"ping {id}"


def test_what_came_while_nobody_was_bound_is_pinged_on_binding(clinic: Clinic) -> None:
    person = clinic.register("patient")
    id = subscribe(person)
    fhir(person).create(weight(person.id))
    pinged = [is_pinged(clinic, person, id)]
    # That it was sent is noted a moment later than it is read.
    while pinged[-1] and len(pinged) < 20:
        pinged.append(is_pinged(clinic, person, id))
    assert (pinged[0], pinged[-1]) == (True, False)


def is_pinged(clinic: Clinic, person: Person, id: str) -> bool:
    """Bind on a new socket, and return whether there is something at once."""
    with by_token(clinic, person) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        try:
            return str(connection.recv(timeout=1)) == f"ping {id}"
        except TimeoutError:
            return False


def test_the_address_is_in_the_capability_statement(clinic: Clinic) -> None:
    rest = Fhir(clinic.http).read("metadata")["rest"][0]
    (found,) = [each for each in rest["extension"] if each["url"] == WEBSOCKET]
    (resource,) = [each for each in rest["resource"] if each["type"] == "Subscription"]
    assert "get-ws-binding-token" in {each["name"] for each in resource["operation"]}
    assert found["valueUri"] == clinic.root.replace("http", "ws", 1) + "/socket/subscriptions"


def test_somebody_elses_is_refused_like_one_that_is_not_there(clinic: Clinic) -> None:
    owner, other = clinic.register("patient"), clinic.register("patient")
    id = subscribe(owner)
    with by_token(clinic, other) as connection:
        refused = say(connection, f"bind {id}")
        assert refused.startswith(
            f"error bind {id}: there is no such subscription of yours on this channel, or your token"
        )
        assert say(connection, "bind no-such") == refused.replace(id, "no-such")
        fhir(owner).create(weight(owner.id))
        with pytest.raises(TimeoutError):
            connection.recv(timeout=1)


def test_who_has_no_token_that_counts_stays_out(clinic: Clinic) -> None:
    with pytest.raises(InvalidStatus) as refused, socket(clinic, "?token=a.b.c"):
        pass
    assert refused.value.response.status_code == 401
    person = clinic.register("patient")
    id = subscribe(person)
    with socket(clinic) as connection:
        assert say(connection, f"bind {id}") == f"error bind {id}: this needs a token"


def test_a_misspelt_message_is_answered_and_ends_nothing(clinic: Clinic) -> None:
    person = clinic.register("patient")
    id = subscribe(person)
    with by_token(clinic, person) as connection:
        assert "bind ID" in say(connection, "BIND everything")
        assert say(connection, f"bind Subscription/{id}") == f"bound {id}"


def flood(connection: ClientConnection) -> None:
    for _ in range(2000):
        connection.send("x")
    while True:
        hear(connection)


def test_a_flood_ends_the_socket_that_it_comes_from(clinic: Clinic) -> None:
    person = clinic.register("patient")
    with by_token(clinic, person) as connection, pytest.raises(ConnectionClosed) as closed:
        flood(connection)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_the_socket_ends_with_the_session(clinic: Clinic) -> None:
    person = clinic.register("patient")
    id = subscribe(person)
    with by_token(clinic, person) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        person.ask("POST", "/api/v1/auth/logout")
        with pytest.raises(ConnectionClosed) as closed:
            hear(connection)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    again = person.again()
    fhir(again).create(weight(person.id))
    with by_token(clinic, again) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        assert hear(connection) == f"ping {id}"


def test_a_topic_is_told_in_full_on_the_socket(clinic: Clinic) -> None:
    person = clinic.register("patient")
    id = subscribe_to(person, "document", "id-only")
    with by_token(clinic, person) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        made = document(person)
        told = json.loads(hear(connection))
    assert told["entry"][0]["resource"]["resourceType"] == "Parameters"
    assert f"DocumentReference/{made}" in json.dumps(told)
    assert f"Patient/{person.id}" in json.dumps(told)


def test_a_large_resource_is_told_in_full_and_what_comes_after_it(clinic: Clinic) -> None:
    person = clinic.register("patient")
    id = subscribe_to(person, "document", "full-resource")
    with by_token(clinic, person) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        for size in (400_000, 10):
            made = document(person, description="x" * size)
            told = [each["resource"] for each in json.loads(hear(connection))["entry"] if "resource" in each]
            (found,) = [each for each in told if each["resourceType"] == "DocumentReference"]
            assert (found["id"], len(found["description"])) == (made, size)


def test_who_loses_access_before_it_is_told_hears_of_the_number_alone(clinic: Clinic) -> None:
    """What waited for a doctor until nobody cared for the patient any more."""
    doctor, patient = clinic.doctor, clinic.register("patient")
    book = clinic.book(patient)
    id = subscribe_to(doctor, "document", "full-resource")
    made = document(patient)
    # The doctor is told the number of events, so that one is kept.
    until(lambda: fhir(doctor).read(f"Subscription/{id}/$status"), lambda told: '"1"' in json.dumps(told))
    fhir(patient).put(fhir(patient).read(f"Appointment/{book}") | {"status": "cancelled"})
    with by_token(clinic, doctor) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        told = json.loads(hear(connection))
    (status,) = told["entry"]
    rows = [row for row in status["resource"]["parameter"] if row["name"] == "notification-event"]
    assert [part["name"] for row in rows for part in row["part"]] == ["event-number", "timestamp"]
    assert made not in json.dumps(told)
    assert patient.id not in json.dumps(told)


def binding_token(person: Person, query: str = "") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in fhir(person).read(f"Subscription/$get-ws-binding-token{query}")["parameter"]:
        found.setdefault(row["name"], []).append(next(str(v) for k, v in row.items() if k.startswith("value")))
    return found


def test_a_binding_token_binds_once_and_shakes_hands(clinic: Clinic) -> None:
    """Subscriptions R5 Backport: the socket needs no token, the binding does."""
    person = clinic.register("patient")
    id = subscribe_to(person, "appointment", "id-only")
    subscribe(clinic.register("patient"))
    told = binding_token(person)
    assert told["subscription"] == [id]
    assert told["websocket-url"] == [clinic.root.replace("http", "ws", 1) + "/socket/subscriptions"]
    with socket(clinic) as connection:
        shaken = json.loads(say(connection, f"bind-with-token {told['token'][0]}"))
        kinds = [row["valueCode"] for row in shaken["entry"][0]["resource"]["parameter"] if row["name"] == "type"]
        assert kinds == ["handshake"]
        book = clinic.book(person)
        assert f"Appointment/{book}" in hear(connection)
    with socket(clinic) as connection:
        assert say(connection, f"bind-with-token {told['token'][0]}").startswith("error bind-with-token")


def test_an_account_has_no_more_sockets_by_binding_later(clinic: Clinic) -> None:
    person = clinic.register("patient")
    with ExitStack() as stack:
        opened = [stack.enter_context(socket(clinic)) for _ in range(21)]
        for each in opened:
            # Nothing is asked for yet, so nothing is told.
            each.send(f"bind-with-token {binding_token(person)['token'][0]}")
        with pytest.raises(ConnectionClosed) as closed:
            hear(opened[-1])
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "too many sockets")
        assert "this needs" not in say(opened[0], "bind no-such")


def test_a_quiet_socket_hears_heartbeats(clinic: Clinic) -> None:
    person = clinic.register("patient")
    id = subscribe_to(person, "appointment", "id-only", heartbeat_period=1)
    with by_token(clinic, person) as connection:
        assert say(connection, f"bind {id}") == f"bound {id}"
        for _ in range(2):
            rows = json.loads(hear(connection))["entry"][0]["resource"]["parameter"]
            assert [row["valueCode"] for row in rows if row["name"] == "type"] == ["heartbeat"]


def test_a_binding_token_is_for_subscriptions_of_ones_own(clinic: Clinic) -> None:
    person, other = clinic.register("patient"), clinic.register("patient")
    id = subscribe(other)
    assert fhir(person).ask("GET", f"Subscription/$get-ws-binding-token?id={id}").status_code == 404
    assert "subscription" not in binding_token(person)
