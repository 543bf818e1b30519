"""Raw content through two clients that know nothing of each other (http://hl7.org/fhir/R4/binary.html#rest)."""

from __future__ import annotations

import base64
import gzip
import http.client
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from lxml import etree

from tests.fakes.command import Running

LIMIT = 4_000_000
FHIR = {"Accept": "application/fhir+json"}
PDF = {"Content-Type": "application/pdf"}
SIZES = [0, 1, 2, 3, 3072, 3073, 262143, 262144, 262145, 3 * 1024 * 1024]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that takes little, so that too much is soon reached."""
    folder = tmp_path_factory.mktemp("binary")
    arguments = ["serve", "--auth", "open", "--port", "0", "--store", f"sqlite:///{folder}/fhir.db"]
    with Running(arguments, Path(folder), FHIR_SERVER_MAX_BINARY_BYTES=str(LIMIT)) as running:
        yield running


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def plainly(
    server: Running, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Ask with the standard library's client."""
    connection = http.client.HTTPConnection(urlsplit(server.root).netloc, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, f"/fhir/{path}", body, named)
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def created(http: httpx.Client, data: bytes, **headers: str) -> str:
    """Return the path of a new Binary."""
    answer = http.post("Binary", content=data, headers=PDF | headers)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].partition("/fhir/")[2].partition("/_history")[0]


def count(http: httpx.Client) -> int:
    total: int = http.get("Binary", params={"_summary": "count"}).json()["total"]
    return total


@pytest.mark.parametrize("size", SIZES)
def test_what_one_client_sends_the_other_gets(server: Running, http: httpx.Client, size: int) -> None:
    data = content(size)
    answer = http.post("Binary", content=data, headers=PDF)
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (201, b"", 'W/"1"')
    versioned = answer.headers["location"].partition("/fhir/")[2]
    path = versioned.partition("/_history")[0]
    for place in (path, versioned):
        status, headers, got = plainly(server, "GET", place, Accept="application/pdf")
        assert (status, got == data, headers["content-length"]) == (200, True, str(size))
        assert (headers["content-type"], headers["etag"]) == ("application/pdf", 'W/"1"')
    status, headers, _ = plainly(server, "PUT", path, data[::-1], Content_Type="image/png", If_Match='W/"1"')
    assert (status, headers["etag"]) == (200, 'W/"2"')
    assert http.get(path).content == data[::-1]
    assert http.get(versioned).content == data


@pytest.mark.parametrize("size", SIZES)
def test_as_fhir_the_content_is_base64_in_the_resource(server: Running, http: httpx.Client, size: int) -> None:
    data = content(size)
    text = base64.b64encode(data).decode()
    path = created(http, data)
    status, headers, got = plainly(server, "GET", path, Accept="application/fhir+json")
    shown = http.get(path, headers=FHIR)
    assert (status, got) == (200, shown.content)
    assert headers["content-length"] == str(len(got))
    assert shown.json() == {
        "resourceType": "Binary",
        "id": path.partition("/")[2],
        "meta": shown.json()["meta"],
        "contentType": "application/pdf",
    } | ({"data": text} if size else {})
    xml = etree.fromstring(http.get(path, params={"_format": "xml"}).content, etree.XMLParser(huge_tree=True))
    assert xml.xpath("string(f:data/@value)", namespaces={"f": "http://hl7.org/fhir"}) == text
    assert http.get(path, params={"_format": "json", "_pretty": "true"}).json() == shown.json()


def test_json_and_raw_are_two_ways_to_the_same(http: httpx.Client) -> None:
    data = content(300_000)
    resource = {"resourceType": "Binary", "contentType": "image/png", "data": base64.b64encode(data).decode()}
    answer = http.post("Binary", json=resource, headers={"Content-Type": "application/fhir+json"})
    assert answer.json()["data"] == resource["data"]
    assert http.get(f"Binary/{answer.json()['id']}").content == data
    entry = {"resource": resource, "request": {"method": "POST", "url": "Binary"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    answer = http.post("", json=bundle, headers={"Content-Type": "application/fhir+json"})
    place = answer.json()["entry"][0]["response"]["location"].partition("/_history")[0]
    assert http.get(place).content == data
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": place}}]}
    answer = http.post("", json=bundle, headers={"Content-Type": "application/fhir+json"})
    assert answer.json()["entry"][0]["resource"]["data"] == resource["data"]


def test_prefer_decides_what_an_upload_is_answered_with(http: httpx.Client) -> None:
    data = content(300_000)
    whole = http.post("Binary", content=data, headers=PDF | {"Prefer": "return=representation"})
    assert base64.b64decode(whole.json()["data"]) == data
    told = http.post("Binary", content=data, headers=PDF | {"Prefer": "return=OperationOutcome"})
    assert told.json()["resourceType"] == "OperationOutcome"
    assert whole.headers["location"].endswith("/_history/1")


def test_head_and_a_known_version_send_no_content(server: Running, http: httpx.Client) -> None:
    path = created(http, content(600_000))
    status, headers, got = plainly(server, "HEAD", path)
    assert (status, headers["content-length"], headers["etag"], got) == (200, "600000", 'W/"1"', b"")
    shown = http.head(path, headers=FHIR)
    assert shown.headers["content-length"] == str(len(http.get(path, headers=FHIR).content))
    assert plainly(server, "GET", path, If_None_Match='W/"1"')[::2] == (304, b"")
    assert plainly(server, "GET", path, If_None_Match='W/"7"')[0] == 200


@pytest.mark.parametrize("size", [1000, 600_000])
@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=10-99", 10, 99), ("bytes=-7", -7, -1), ("bytes=990-", 990, -1)],
)
def test_one_range_is_answered_in_part(
    server: Running, http: httpx.Client, size: int, asked: str, first: int, last: int
) -> None:
    data = content(size)
    status, headers, got = plainly(server, "GET", created(http, data), Range=asked)
    bounds = range(size)[first], range(size)[last]
    assert (status, got) == (206, data[bounds[0] : bounds[1] + 1])
    assert headers["content-range"] == f"bytes {bounds[0]}-{bounds[1]}/{size}"
    assert headers["content-length"] == str(len(got))


def test_ranges_across_chunks_beyond_the_end_or_of_another_kind(server: Running, http: httpx.Client) -> None:
    data = content(600_000)
    path = created(http, data)
    assert plainly(server, "GET", path, Range="bytes=262100-524300")[2] == data[262100:524301]
    assert plainly(server, "GET", path, Range="bytes=524288-9999999")[2] == data[524288:]
    status, headers, _ = plainly(server, "GET", path, Range="bytes=600000-")
    assert (status, headers["content-range"]) == (416, "bytes */600000")
    whole = ({"Range": "bytes=0-1,5-6"}, {"Range": "lines=1-2"}, {"Range": "bytes=0-1", "If_Range": 'W/"1"'})
    assert [plainly(server, "GET", path, **asked)[::2] for asked in whole] == [(200, data)] * 3


def test_a_part_is_of_the_bytes_as_they_are(server: Running, http: httpx.Client) -> None:
    """Parts of what was zipped would fit nowhere: Content-Range counts the bytes before that (RFC 9110, 14.4)."""
    data = bytes(3000)
    status, headers, got = plainly(server, "GET", created(http, data), Range="bytes=0-1999", Accept_Encoding="gzip")
    assert (status, got, headers["content-range"]) == (206, data[:2000], "bytes 0-1999/3000")
    assert "content-encoding" not in headers


def test_the_security_context_goes_in_and_comes_out(http: httpx.Client) -> None:
    path = created(http, content(5000), **{"X-Security-Context": "Patient/1"})
    assert http.get(path).headers["x-security-context"] == "Patient/1"
    assert http.get(path, headers=FHIR).json()["securityContext"] == {"reference": "Patient/1"}
    wrong = http.post("Binary", content=b"x" * 5000, headers=PDF | {"X-Security-Context": "not a reference"})
    assert (wrong.status_code, wrong.json()["resourceType"]) == (422, "OperationOutcome")


def test_zipped_content_is_unzipped_under_the_same_limit(http: httpx.Client) -> None:
    data = content(400_000)
    path = created(http, gzip.compress(data), **{"Content-Encoding": "gzip"})
    assert http.get(path).content == data
    before = count(http)
    bomb = gzip.compress(b"\0" * (LIMIT + 1))
    answer = http.post("Binary", content=bomb, headers=PDF | {"Content-Encoding": "gzip"})
    assert (answer.status_code, count(http)) == (413, before)


@pytest.mark.parametrize("announced", [True, False])
def test_too_much_leaves_nothing(http: httpx.Client, announced: bool) -> None:
    before, data = count(http), content(LIMIT + 1)
    body: Any = data if announced else iter([data[:1_000_000]] * 5)
    answer = http.post("Binary", content=body, headers=PDF)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (413, "too-long")
    assert count(http) == before
    assert http.get(created(http, content(LIMIT))).content == content(LIMIT)


def test_a_client_that_leaves_midway_leaves_nothing(server: Running, http: httpx.Client) -> None:
    before = count(http)
    address = urlsplit(server.root)
    with socket.create_connection((address.hostname, address.port)) as raw:
        head = (
            f"POST /fhir/Binary HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: a/b\r\nContent-Length: 3000000\r\n"
        )
        raw.sendall(f"{head}Content-Length: 3000000\r\n\r\n".encode() + content(2_000_000))
    time.sleep(0.2)
    assert count(http) == before
    path = created(http, content(LIMIT))
    with socket.create_connection((address.hostname, address.port)) as raw:
        raw.sendall(f"GET /fhir/{path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        raw.recv(1000)
    assert http.get(path).status_code == 200


def test_deleted_content_is_gone_and_its_history_stays(http: httpx.Client) -> None:
    data = content(300_000)
    path = created(http, data)
    assert http.delete(path).status_code == 204
    assert http.get(path).status_code == 410
    assert http.get(f"{path}/_history/1").content == data
    methods = [entry["request"]["method"] for entry in http.get(f"{path}/_history").json()["entry"]]
    assert methods == ["DELETE", "POST"]
