"""Every official R4 example goes in over HTTP and comes out as it was, in JSON and in XML.

What the server adds is set aside: `meta.versionId` and `meta.lastUpdated`; a narrative is compared as canonical XML.
An AuditEvent goes in once, because it is never changed, and comes out with the tag that says where it is from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from fhir_server.model.fhir_json import encode
from tests.fakes.command import Running
from tests.fakes.shared import needs_shared_data, parse, r4_examples
from tests.fakes.wrong_examples import WRONG_EXAMPLES

pytestmark = needs_shared_data
JSON, XML = "application/fhir+json", "application/fhir+xml"
FROM_OUTSIDE = {"system": "urn:fhir-health-server:audit-origin", "code": "external"}
INDEX = re.compile(r"\[\d+\]")
Json = dict[str, Any]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("examples")
    with (
        Running(["serve", "--auth", "open", "--port", "0", "--store", f"sqlite:///{folder}/fhir.db"], folder) as server,
        httpx.Client(base_url=f"{server.root}/fhir", timeout=30) as connection,
    ):
        yield connection


def compared(value: Any, name: str = "") -> Any:
    """Return a resource as it is compared: numbers by their digits, narratives as canonical XML."""
    if isinstance(value, dict):
        found = {key: compared(each, key) for key, each in value.items()}
        if "resourceType" in found and isinstance(found.get("meta"), dict):
            meta = {key: each for key, each in found["meta"].items() if key not in ("versionId", "lastUpdated")}
            found = {key: each for key, each in found.items() if key != "meta"} | ({"meta": meta} if meta else {})
        return found
    if isinstance(value, list):
        return [compared(each, name) for each in value]
    if name == "div" and isinstance(value, str):
        out = BytesIO()
        etree.ElementTree(etree.fromstring(value)).write_c14n(out)
        return out.getvalue()
    return value if isinstance(value, str | bool) or value is None else str(value)


def put(client: httpx.Client, path: str, body: bytes, media_type: str) -> httpx.Response:
    return client.put(path, content=body, headers={"Content-Type": media_type, "Prefer": "return=minimal"})


def get(client: httpx.Client, path: str, media_type: str) -> bytes:
    answer = client.get(path, headers={"Accept": media_type})
    assert answer.status_code == 200, (path, answer.text)
    assert answer.headers["Content-Type"].startswith(media_type)
    return answer.content


def examples() -> Iterator[tuple[str, Json]]:
    for resource in r4_examples():
        if (resource["resourceType"], resource["id"]) not in WRONG_EXAMPLES:
            yield f"/{resource['resourceType']}/{resource['id']}", resource


def test_every_example_is_put_and_read_back_equal_in_json_and_through_xml(client: httpx.Client) -> None:
    count = 0
    for path, resource in examples():
        expected = compared(resource)
        if resource["resourceType"] == "AuditEvent":
            expected["meta"] = {"tag": [FROM_OUTSIDE]}
        answer = put(client, path, encode(resource), JSON)
        assert answer.status_code in (200, 201), (path, answer.text)
        assert compared(parse(get(client, path, JSON))) == expected, path
        xml = get(client, path, XML)
        answer = put(client, path, xml, XML)
        assert answer.status_code == (405 if resource["resourceType"] == "AuditEvent" else 200), (path, answer.text)
        assert compared(parse(get(client, path, JSON))) == expected, path
        count += 1
    assert count == 451 - len(WRONG_EXAMPLES)


def test_an_example_that_breaks_the_standard_is_refused_with_the_element_it_breaks(client: httpx.Client) -> None:
    for resource in r4_examples():
        wrong = WRONG_EXAMPLES.get((resource["resourceType"], resource["id"]))
        if wrong:
            path = f"/{resource['resourceType']}/{resource['id']}"
            answer = put(client, path, encode(resource), JSON)
            errors = [issue for issue in answer.json()["issue"] if issue["severity"] == "error"]
            named = {INDEX.sub("", each) for issue in errors for each in issue.get("expression", [])}
            assert answer.status_code == 422
            assert named == wrong[0]
            assert client.get(path).status_code == 404
