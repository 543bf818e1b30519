"""Transport: https, headers, clients that never come to the point, and logs that quote nothing."""

from __future__ import annotations

import json
import random
import re
import socket
import sqlite3
import ssl
import string
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.certificate import certificate_in
from tests.fakes.command import Running, fhir_server
from tests.fakes.patience import PATIENCE

SECRET = "Zyxomma"
"""A word that stands for personal data wherever a value can be sent."""
JSON = {"Content-Type": "application/fhir+json"}
PATIENT = {"resourceType": "Patient", "id": "a", "name": [{"family": SECRET}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("transport")


@pytest.fixture(scope="module")
def certificate(folder: Path) -> Path:
    return certificate_in(folder)


@pytest.fixture(scope="module")
def secure(folder: Path, certificate: Path) -> Iterator[Running]:
    arguments = ["serve", "--auth", "open", "--port", "0", "--store", f"sqlite:///{folder}/tls.db"]
    with Running([*arguments, "--tls-cert", str(certificate)], folder) as server:
        yield server


@pytest.fixture(scope="module")
def plain(folder: Path) -> Iterator[Running]:
    arguments = ["serve", "--auth", "open", "--port", "0", "--store", f"sqlite:///{folder}/plain.db"]
    with Running(arguments, folder, FHIR_SERVER_REQUEST_HEAD_S="1") as server:
        yield server


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def address(server: Running) -> tuple[str, int]:
    url = httpx.URL(server.root)
    return url.host, url.port or 0


def test_the_server_speaks_https_and_says_that_nothing_else_will_do(secure: Running, certificate: Path) -> None:
    assert secure.root.startswith("https://127.0.0.1:")
    with httpx.Client(base_url=f"{secure.root}/fhir", verify=trusting(certificate)) as client:
        created = client.post("/Patient", json={k: v for k, v in PATIENT.items() if k != "id"}, headers=JSON)
        assert created.status_code == 201
        assert created.headers["Location"].startswith(f"{secure.root}/fhir/Patient/")
        large = client.get("/metadata")
        assert len(large.content) > 500_000
        for answer in (created, large, client.get("/Patient/absent")):
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert httpx.get(f"{secure.root}/health", verify=trusting(certificate)).headers["Strict-Transport-Security"]


def test_old_versions_of_tls_are_refused(secure: Running, certificate: Path) -> None:
    for version, admitted in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
        context = trusting(certificate)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, version
        with socket.create_connection(address(secure)) as raw:
            if admitted:
                context.wrap_socket(raw, server_hostname="127.0.0.1").close()
            else:
                with pytest.raises(ssl.SSLError):
                    context.wrap_socket(raw, server_hostname="127.0.0.1")


def test_a_certificate_that_is_not_there_is_told_before_anything_starts(folder: Path) -> None:
    done = fhir_server("serve", "--auth", "open", "--tls-cert", "absent.pem", folder=folder)
    assert done.returncode == 2
    assert "absent.pem" in done.stderr


@pytest.mark.parametrize(
    ("cert", "key", "why"),
    [
        ("text.pem", None, "cannot be read as PEM"),
        ("server.pem", "text.pem", "cannot be read as PEM"),
        ("server.pem", "other.pem", "the key is not that of the certificate"),
    ],
)
def test_a_certificate_that_is_of_no_use_is_told_in_words(tmp_path: Path, cert: str, key: str | None, why: str) -> None:
    (tmp_path / "other").mkdir()
    certificate_in(tmp_path / "other").rename(tmp_path / "other.pem")
    certificate_in(tmp_path)
    (tmp_path / "text.pem").write_text("no certificate")
    given = ["--tls-cert", cert, *(("--tls-key", key) if key else ())]
    done = fhir_server("serve", "--auth", "open", "--port", "0", *given, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("fhir-server: tls_cert")
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_a_browser_may_show_is_sealed(plain: Running) -> None:
    with httpx.Client(base_url=f"{plain.root}/fhir") as client:
        client.put("/Patient/a", json=PATIENT, headers=JSON)
        client.put("/Binary/b", content=b"<p>hello</p>", headers={"Content-Type": "text/html"})
        shown = client.get("/Patient/a")
        assert (shown.headers["Cache-Control"], shown.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
        assert "Strict-Transport-Security" not in shown.headers
        for answer in (
            client.get("/Patient/a", headers={"Accept": "application/fhir+xml"}),
            client.get("/Binary/b", headers={"Accept": "text/html"}),
            client.get(f"{plain.root}/health"),
            client.get(f"{plain.root}/docs"),
        ):
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == (
                "no-store",
                "nosniff",
            )


def is_hung_up(client: socket.socket) -> bool:
    """Return whether the server has closed the connection."""
    try:
        client.settimeout(0.2)
        return client.recv(1000) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize("first", [b"", b"GET /fhir/metadata HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_who_never_sends_a_whole_head_is_hung_up_on(plain: Running, first: bytes) -> None:
    with socket.create_connection(address(plain), timeout=10) as client:
        client.sendall(first)
        ends = time.monotonic() + PATIENCE
        while not is_hung_up(client):
            assert time.monotonic() < ends
            if first:
                client.sendall(b"a")


def test_a_connection_that_waits_between_requests_is_no_late_head(plain: Running) -> None:
    with httpx.Client(base_url=f"{plain.root}/fhir") as client:
        assert client.get("/Patient?_summary=count").status_code == 200
        time.sleep(2.5)
        assert client.get("/Patient?_summary=count").status_code == 200


def test_a_head_that_is_too_large_is_hung_up_on(plain: Running) -> None:
    with socket.create_connection(address(plain), timeout=10) as client:
        client.sendall(b"GET /fhir/metadata HTTP/1.1\r\n" + b"X-Padding: " + b"a" * 140_000)
        assert is_hung_up(client)
    with socket.create_connection(address(plain), timeout=10) as client:
        client.sendall(
            b"GET /fhir/Patient?_summary=count HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 60_000 + b"\r\n\r\n"
        )
        assert client.recv(15) == b"HTTP/1.1 200 OK"


def fuzzed(made: random.Random) -> tuple[str, str, dict[str, str], bytes]:
    """Return a request that carries the secret wherever one can be put, mostly in ways that are wrong."""
    place = made.choice(("path", "query", "header", "body", "xml", "patch", "bundle", "form"))
    noise = "".join(made.choices(string.printable.strip(), k=made.randrange(6)))
    type = made.choice(
        ("Patient", "Observation", "Binary", "ValueSet", "AuditEvent", "Nonsense", "$validate", "Patient/a")
    )
    name = made.choice(
        ("family", "_filter", "_sort", "identifier", "_cursor", "_id", "birthdate", "_has:Observation:x:y")
    )
    method = made.choice(("GET", "POST", "PUT", "PATCH", "DELETE"))
    headers, body = dict(JSON), b""
    path = f"/{type}"
    match place:
        case "path":
            rest = made.choice(("", "/_history/", "/_history/1", "/$everything", "%00", "/Observation"))
            path = f"/{type}/{SECRET}{rest}"
        case "query":
            path = f"/{type}?{name}={SECRET}"
        case "header":
            header = made.choice(
                ("If-None-Exist", "If-Match", "Prefer", "Accept", "X-Request-Id", "Origin", "Authorization")
            )
            headers[header] = f"{SECRET} ="
        case "body":
            body = json.dumps(PATIENT | {made.choice(("id", SECRET, "gender", "birthDate")): SECRET + noise}).encode()
            body = body[: made.choice((len(body), len(body) - 3))]
        case "xml":
            headers["Content-Type"] = "application/fhir+xml"
            body = f"<Patient xmlns='http://hl7.org/fhir'><id value='{SECRET}'/><{SECRET}/>".encode()
        case "patch":
            headers["Content-Type"] = "application/json-patch+json"
            path, body = "/Patient/a", f'[{{"op":"test","path":"/name/0/family/{SECRET}","value":"{SECRET}"}}]'.encode()
        case "bundle":
            entry = {"request": {"method": method, "url": f"Patient?family={SECRET}"}, "resource": PATIENT}
            kind = made.choice(("batch", "transaction", SECRET))
            path, body = "", json.dumps({"resourceType": "Bundle", "type": kind, "entry": [entry]}).encode()
        case "form":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            path, body, method = f"/{type}/_search", f"{name}={SECRET}".encode(), "POST"
    return method, path, headers, body


def test_no_log_quotes_what_was_sent(folder: Path) -> None:
    """Whatever is sent, to whatever route, in whatever way: the log has the routes, the audit trail no values."""
    made = random.Random(11)
    arguments = ["serve", "--auth", "open", "--port", "0", "--store", f"sqlite:///{folder}/logs.db"]
    more = {"FHIR_SERVER_LOG_REQUESTS": "true", "FHIR_SERVER_LOG_LEVEL": "debug", "FHIR_SERVER_LOG_FORMAT": "json"}
    log = folder / "server.log"
    with Running(arguments, folder, log=log, **more) as server, httpx.Client(base_url=f"{server.root}/fhir") as client:
        client.put("/Patient/a", json=PATIENT, headers=JSON)
        statuses = set()
        for _ in range(600):
            method, path, headers, body = fuzzed(made)
            statuses.add(client.request(method, path, headers=headers, content=body).status_code)
        for path in (
            f"/{SECRET}",
            f"/admin/{SECRET}?{SECRET}",
            f"/api/v1/{SECRET}",
            f"/docs?{SECRET}",
            f"/health/{SECRET}",
        ):
            httpx.get(server.root + path)
    assert {200, 204, 400, 404, 405, 422} <= statuses
    assert not [status for status in statuses if status >= 500 and status != 501]
    lines = log.read_text().splitlines()
    assert sum(json.loads(line)["event"] == "request" for line in lines) > 500
    assert [line for line in lines if SECRET in line] == []
    with sqlite3.connect(folder / "logs.db") as file:
        rows = [row.decode() for (row,) in file.execute("SELECT row FROM audit")]
    file.close()
    # The trail names what was asked for, and quotes nothing else; who then reads the trail is shown whom paths named.
    quoting = [row for row in rows if SECRET in re.sub('"target":"[^"]*"', "", row)]
    assert [row for row in quoting if not _reads_the_trail(json.loads(row))] == []


def _reads_the_trail(row: dict[str, Any]) -> bool:
    """Whether the only place of a row that quotes is the patients whose events a search of the trail has shown."""
    return row["target"] == "AuditEvent" and SECRET not in json.dumps(row | {"patients": []})


@pytest.mark.parametrize(("method", "path"), [("GET", "me"), ("POST", "auth/login"), ("PUT", "medical_records/1")])
def test_an_open_server_says_why_it_has_no_json_api(plain: Running, method: str, path: str) -> None:
    answer = httpx.request(method, f"{plain.root}/api/v1/{path}", json={})
    assert answer.status_code == 404
    assert "--auth required" in answer.json()["error"]["message"]
