"""The application between ASGI and interactions, with interactions of the test's own."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fhir_server.errors import NotFound
from fhir_server.http.cors import Cors
from fhir_server.http.guard import OpenGuard
from fhir_server.http.request import BodyLimits
from fhir_server.http.rest import Options, Rest
from fhir_server.interactions.call import Call, Result, Services
from fhir_server.store.base import AuditRow

BASE = "http://localhost/fhir"
BODY = b'{"resourceType":"Patient","id":"1"}'
ORIGIN = (b"origin", b"https://app.example")

Interaction = Callable[[Call], Awaitable[Result]]


class Answered:
    """What came out of one request."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        start, body = messages
        self.status: int = start["status"]
        self.headers: dict[bytes, bytes] = dict(start["headers"])
        self.body: bytes = body["body"]
        assert len(self.headers) == len(start["headers"]), "a header is repeated"


class Desk:
    """A `Rest` whose audit rows are kept."""

    def __init__(
        self, name: str, interaction: Interaction, options: Options | None = None, *, base: str = BASE
    ) -> None:
        self.rows: list[AuditRow] = []
        services = SimpleNamespace(base=base, store=self, now=lambda: 1, audit_waits=False)
        cors = Cors(["https://app.example"])
        guard = OpenGuard(BASE, origins=["https://app.example"])
        self.rest = Rest(cast(Services, services), {name: interaction}, guard, cors=cors, options=options)

    async def audit(self, row: AuditRow, *, wait: bool) -> None:
        self.rows.append(row)

    def ask(
        self,
        method: str,
        path: str,
        *headers: tuple[bytes, bytes],
        query: bytes = b"",
        body: bytes = b"",
        host: bytes = b"localhost",
    ) -> Answered:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        given = [(b"host", host), *headers]
        scope = {"method": method, "raw_path": f"/fhir{path}".encode(), "query_string": query, "headers": given}
        asyncio.run(self.rest(scope, receive, send))
        return Answered(sent)


async def stored(call: Call) -> Result:
    return Result(200, body=BODY, version="2", time=784111777_000000)


async def where(call: Call) -> Result:
    return Result(200, resource={"resourceType": "Basic", "id": f"{call.compartment}-{call.type}-{call.parameters}"})


def test_a_search_in_a_compartment_knows_whose_it_is() -> None:
    form = (b"content-type", b"application/x-www-form-urlencoded")
    desk = Desk("search", where)
    asked = desk.ask("GET", "/Patient/1/Observation", query=b"code=x")
    posted = desk.ask("POST", "/Patient/1/Observation/_search", form, body=b"code=x")
    expected = "('Patient', '1')-Observation-(('code', 'x'),)"
    assert json.loads(asked.body)["id"] == json.loads(posted.body)["id"] == expected
    everything = desk.ask("GET", "/Patient/1/*")
    assert json.loads(everything.body)["id"] == "('Patient', '1')-None-()"
    assert desk.ask("GET", "/Patient/1/Organization").status == 404


def test_stored_bytes_go_out_untouched_with_version_and_time() -> None:
    answer = Desk("read", stored).ask("GET", "/Patient/1")
    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers[b"etag"] == b'W/"2"'
    assert answer.headers[b"last-modified"] == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert answer.headers[b"content-length"] == str(len(BODY)).encode()
    assert answer.headers[b"cache-control"] == b"no-store"


def test_the_short_road_and_the_long_one_answer_alike() -> None:
    desk = Desk("read", stored)
    short, long = desk.ask("GET", "/Patient/1"), desk.ask("GET", "/Patient/1", query=b"_pretty=false")
    assert short.body == long.body
    same = short.headers.keys() - {b"x-request-id"}
    assert same == long.headers.keys() - {b"x-request-id"}
    assert all(short.headers[name] == long.headers[name] for name in same)


def test_the_short_road_of_a_search_and_the_long_one_answer_alike() -> None:
    async def search(call: Call) -> Result:
        told = f"{call.type} {call.parameters} {call.protocol} {call.prefer.lenient} {call.method} {call.preconditions}"
        return Result(200, body=json.dumps({"resourceType": "Bundle", "id": told}).encode())

    desk = Desk("search", search)
    for query in (b"", b"code=a%7Cb&x=1", b"_format=xml&code=a", b"_pretty=true", b"code=%zz"):
        for headers in ([], [(b"prefer", b"handling=lenient"), (b"if-none-match", b'W/"1"')]):
            short = desk.ask("GET", "/Observation", *headers, query=query)
            long = desk.ask("GET", "/Observation/", *headers, query=query)
            assert (short.status, short.body) == (long.status, long.body)
            assert {**short.headers, b"x-request-id": b""} == {**long.headers, b"x-request-id": b""}


def test_pretty_and_xml_are_made_when_asked_for() -> None:
    desk = Desk("read", stored)
    assert b'\n  "id": "1"' in desk.ask("GET", "/Patient/1", query=b"_pretty=true").body
    xml = desk.ask("GET", "/Patient/1", (b"accept", b"application/fhir+xml"))
    assert b'<id value="1"/>' in xml.body
    assert xml.headers[b"content-type"] == b"application/fhir+xml; charset=utf-8"
    assert b"content-security-policy" in xml.headers


def test_what_is_long_is_zipped_when_the_client_can() -> None:
    long = b'{"resourceType":"Patient","id":"1","name":[{"text":"' + b"x" * 2000 + b'"}]}'

    async def read(call: Call) -> Result:
        return Result(200, body=long, version="1", time=1)

    desk = Desk("read", read)
    zipped = desk.ask("GET", "/Patient/1", (b"accept-encoding", b"br, gzip"))
    assert zipped.headers[b"content-encoding"] == b"gzip"
    assert gzip.decompress(zipped.body) == long
    for refusing in (b"br", b"gzip;q=0", b"identity, gzip; q=0.0"):
        assert desk.ask("GET", "/Patient/1", (b"accept-encoding", refusing)).body == long


def test_a_format_that_cannot_be_is_refused_before_anything_is_done() -> None:
    done: list[Call] = []

    async def create(call: Call) -> Result:
        done.append(call)
        return Result(201)

    headers = [(b"content-type", b"application/fhir+json"), (b"accept", b"text/csv")]
    answer = Desk("create", create).ask("POST", "/Patient", *headers, body=BODY)
    assert answer.status == 406
    assert done == []


def test_a_call_carries_what_the_request_said() -> None:
    seen: list[Call] = []

    async def create(call: Call) -> Result:
        seen.append(call)
        return Result(201, body=BODY, version="1", time=1, location="Patient/1/_history/1")

    headers = [
        (b"content-type", b"application/fhir+json"),
        (b"prefer", b"return=minimal"),
        (b"if-none-exist", b"identifier=1"),
        (b"x-request-id", b"mine"),
    ]
    answer = Desk("create", create).ask("POST", "/Patient", *headers, body=BODY)
    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers[b"location"] == b"http://localhost/fhir/Patient/1/_history/1"
    assert answer.headers[b"x-request-id"] == b"mine"
    (call,) = seen
    assert (call.type, call.id, call.request_id) == ("Patient", None, "mine")
    assert call.resource == {"resourceType": "Patient", "id": "1"}
    assert call.preconditions.if_none_exist == "identifier=1"


def test_a_refusal_is_answered_and_leaves_its_row() -> None:
    async def read(call: Call) -> Result:
        raise NotFound("Patient/1 does not exist.")

    desk = Desk("read", read)
    answer = desk.ask("GET", "/Patient/1")
    assert (answer.status, answer.headers[b"content-type"]) == (404, b"application/fhir+json; charset=utf-8")
    assert [(row.action, row.target, row.status) for row in desk.rows] == [("read", "Patient/1", 404)]


def test_a_fault_is_a_500_that_says_nothing_of_its_cause() -> None:
    async def read(call: Call) -> Result:
        raise KeyError("Zoé")

    answer = Desk("read", read).ask("GET", "/Patient/1")
    assert answer.status == 500
    assert "Zoé".encode() not in answer.body
    assert answer.headers[b"x-request-id"] in answer.body


def test_a_request_that_takes_too_long_is_ended() -> None:
    async def search(call: Call) -> Result:
        await asyncio.sleep(10)
        return Result(200)

    assert Desk("search", search, Options(time_limit=0.01)).ask("GET", "/Patient").status == 503


def test_options_names_the_methods_and_answers_a_preflight_of_a_listed_origin() -> None:
    desk = Desk("read", stored)
    assert desk.ask("OPTIONS", "/Patient/1").headers[b"allow"] == b"GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
    asked = (b"access-control-request-method", b"PUT")
    allowed = desk.ask("OPTIONS", "/Patient/1", ORIGIN, asked).headers
    assert b"access-control-allow-methods" in allowed
    for name in (b"content-type", b"if-match", b"if-none-exist", b"prefer", b"range", b"x-security-context"):
        assert name in allowed[b"access-control-allow-headers"].split(b", ")
    foreign = desk.ask("OPTIONS", "/Patient/1", (b"origin", b"https://evil.example"), asked)
    assert not any(name.startswith(b"access-control") for name in foreign.headers)
    assert desk.ask("OPTIONS", "/Patent").status == 404


def test_only_a_listed_origin_may_read_the_answer() -> None:
    desk = Desk("read", stored)
    assert desk.ask("GET", "/Patient/1", ORIGIN).headers[b"access-control-allow-origin"] == b"https://app.example"
    foreign = desk.ask("GET", "/Patient/1", (b"origin", b"https://evil.example"))
    assert b"access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_no_length(status: int) -> None:
    async def read(call: Call) -> Result:
        return Result(status, version="2", time=1)

    answer = Desk("read", read).ask("GET", "/Patient/1")
    assert (answer.status, answer.body) == (status, b"")
    assert b"content-length" not in answer.headers
    assert answer.headers[b"etag"] == b'W/"2"'


def test_each_request_is_logged_by_its_route_when_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="fhir_server.access"):
        Desk("read", stored, Options(log_requests=True)).ask("GET", "/Patient/1", query=b"_format=json")
    (record,) = caplog.records
    assert (record.__dict__["route"], record.__dict__["status"]) == ("id", 200)
    assert "Patient/1" not in str(record.__dict__)


async def failing(call: Call) -> Result:
    raise LookupError("a fault of ours")


async def slow(call: Call) -> Result:
    await asyncio.sleep(10)
    raise AssertionError("it was not stopped")


def test_who_is_turned_away_at_the_door_leaves_a_row() -> None:
    desk = Desk("read", stored)
    for path, query in (("/Patient/1", b""), ("/Patient/1", b"_pretty=true"), ("/nothing/at/all/here/at/all", b"x")):
        answer = desk.ask("GET", path, (b"x-request-id", b"mine"), query=query, host=b"evil.example")
        assert answer.status == 421
    assert [(row.actor, row.action, row.status, row.target, row.request) for row in desk.rows] == [
        ("unknown", "admission", 421, "", "mine")
    ] * 3


def test_a_fault_of_the_server_leaves_a_row_and_so_does_a_request_that_is_late() -> None:
    desk = Desk("search", failing)
    assert desk.ask("GET", "/Patient").status == 500
    late = Desk("search", slow, Options(time_limit=0.01))
    assert late.ask("GET", "/Patient").status == 503
    assert [(row.action, row.target, row.status) for row in desk.rows + late.rows] == [
        ("search", "Patient", 500),
        ("search", "Patient", 503),
    ]


@pytest.mark.parametrize(
    ("method", "path", "name", "headers", "body", "row"),
    [
        ("PUT", "/Patient/1", "update", (), b'{"resourceType": "Patient", "id": ', ("update", "Patient/1", 400)),
        ("POST", "/Patient", "create", (), b"[]", ("create", "Patient", 400)),
        ("POST", "/Patient", "create", ((b"content-type", b"text/csv"),), BODY, ("create", "Patient", 415)),
        ("PUT", "/Patient/1", "update", (), b" " * 100 + BODY, ("update", "Patient/1", 413)),
        ("POST", "/Patient/_search", "search", ((b"content-type", b"text/csv"),), b"a", ("search", "Patient", 415)),
    ],
)
def test_a_body_that_cannot_be_read_leaves_the_row_of_what_was_tried(
    method: str, path: str, name: str, headers: tuple[tuple[bytes, bytes], ...], body: bytes, row: tuple[str, str, int]
) -> None:
    desk = Desk(name, failing, Options(body=BodyLimits(body=100)))
    kind = headers or ((b"content-type", b"application/fhir+json"),)
    assert desk.ask(method, path, *kind, (b"x-request-id", b"mine"), body=body).status == row[2]
    assert [(each.action, each.target, each.status) for each in desk.rows] == [row]
    assert desk.rows[0].request == "mine"


def test_https_is_said_where_clients_reach_the_server_so() -> None:
    desk = Desk("read", stored)
    assert b"strict-transport-security" not in desk.ask("GET", "/Patient/1").headers
    desk = Desk("read", stored, base="https://localhost/fhir")
    for path in ("/Patient/1", "/Patient/1/nothing/at/all"):
        assert desk.ask("GET", path).headers[b"strict-transport-security"] == b"max-age=31536000"
