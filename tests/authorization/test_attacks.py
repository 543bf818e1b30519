"""Attacks on the way requests are read rather than on what they ask for: none reaches further than a plain request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.authorization.two_records import CODES, alike, fresh, server
from tests.fakes.asking import Asking
from tests.fakes.callers import caller
from tests.fakes.server import bundle_of, entry, observation

__all__ = ["fresh", "server"]
Json = dict[str, Any]
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


@pytest.mark.parametrize(
    "name",
    ["$everything", "$match", "$member-match", "$lastn", "$document", "$summary", "$graphql", "$export", "$meta", "$x"],
)
def test_no_operation_tells_who_is_there(server: Asking, name: str) -> None:
    for method in ("GET", "POST"):
        body = {"resourceType": "Parameters"} if method == "POST" else None
        answer = alike(server, "a", method, f"Patient/b/{name}", f"Patient/n/{name}", body=body)
        assert answer.status in (400, 403, 404, 405), answer.body


def test_a_bundle_in_a_bundle_and_a_url_of_another_server_are_refused(fresh: Asking) -> None:
    inner = bundle_of(entry("POST", "Observation", observation("Patient/a")))
    mine = entry("POST", "Observation", observation("Patient/a"))
    before = fresh.ask("owner", "GET", "Observation?_summary=count").json["total"]
    for forbidden in (
        entry("POST", "", inner),
        entry("POST", "Bundle", inner),
        entry("GET", "https://evil.example/fhir/Patient/b"),
        entry("PUT", "https://evil.example/fhir/Observation/of-a", observation("Patient/a", "of-a")),
        entry("GET", "//evil.example/fhir/Patient/a"),
        entry("GET", "../admin/users"),
        entry("GET", "Patient/a/../b"),
        entry("GET", "/auth/token"),
    ):
        answer = fresh.ask("a", "POST", "", bundle_of(mine, forbidden))
        assert answer.status in (400, 403, 404), (forbidden["request"], answer.body)
        batch = fresh.ask("a", "POST", "", bundle_of(forbidden) | {"type": "batch"})
        if batch.status == 200:
            assert batch.json["entry"][0]["response"]["status"][:3] in ("400", "403", "404"), forbidden["request"]
    assert fresh.ask("owner", "GET", "Observation?_summary=count").json["total"] == before


def test_a_label_hides_what_is_about_nobody_too(fresh: Asking) -> None:
    secret = {"resourceType": "Organization", "id": "o", "name": "Hidden"}
    label = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}}
    assert fresh.ask("owner", "PUT", "Organization/o", secret).status == 201
    assert fresh.ask("a", "GET", "Organization/o").status == 200
    assert fresh.ask("owner", "PUT", "Organization/o", secret | label).status == 200
    for who in ("a", "d"):
        alike(fresh, who, "GET", "Organization/o", "Organization/n")
        assert fresh.ask(who, "GET", "Organization/o/_history/1").status == 404
        assert fresh.ask(who, "GET", "Organization?name=Hidden&_total=accurate").json["total"] == 0


def test_labels_are_added_and_never_taken_away_by_who_may_not(fresh: Asking) -> None:
    label = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}}
    mine = fresh.ask("a", "POST", "Observation", observation("Patient/a") | label).json
    path = f"Observation/{mine['id']}"
    plain = {name: each for name, each in mine.items() if name != "meta"}
    for body in (plain, plain | {"meta": {"security": []}}, plain | {"meta": {"security": CODES}}):
        kept = fresh.ask("a", "PUT", path, body)
        assert kept.status in (200, 400, 422), kept.body
        shown = fresh.ask("a", "GET", path).json["meta"]["security"]
        assert {"system": CONFIDENTIALITY, "code": "R"} in shown
    for change in (
        {"op": "remove", "path": "/meta/security/0"},
        {"op": "remove", "path": "/meta/security"},
        {"op": "replace", "path": "/meta/security/0/code", "value": "N"},
        {"op": "replace", "path": "/meta", "value": {}},
    ):
        assert fresh.ask("a", "PATCH", path, [change]).status == 403, change
    fresh.named("labels", caller("system", "x", scopes="system/*.cruds"))
    assert fresh.ask("labels", "PATCH", path, [{"op": "remove", "path": "/meta/security"}]).status == 200


def test_what_the_server_numbers_is_not_patched(fresh: Asking) -> None:
    path = f"Observation/{fresh.ask('a', 'POST', 'Observation', observation('Patient/a')).json['id']}"
    for change in (
        {"op": "replace", "path": "/id", "value": "of-b"},
        {"op": "replace", "path": "/resourceType", "value": "Patient"},
    ):
        assert fresh.ask("a", "PATCH", path, [change]).status in (400, 422), change
    for change in (
        {"op": "replace", "path": "/meta/versionId", "value": "77"},
        {"op": "replace", "path": "/meta/lastUpdated", "value": "1999-01-01T00:00:00Z"},
    ):
        before = fresh.ask("a", "GET", path).json["meta"]
        patched = fresh.ask("a", "PATCH", path, [change])
        after = fresh.ask("a", "GET", path).json["meta"]
        assert patched.status in (200, 400, 422)
        assert int(after["versionId"]) - int(before["versionId"]) == (1 if patched.status == 200 else 0)
        assert after["lastUpdated"][:4] != "1999"


def test_no_header_or_parameter_makes_a_request_another_one(fresh: Asking) -> None:
    for header in ("x_http_method_override", "x_http_method", "x_method_override"):
        assert fresh.ask("a", "GET", "Observation/of-a", **{header: "DELETE"}).status == 200
        assert fresh.ask(
            "a", "POST", "Observation?_method=DELETE", observation("Patient/a"), **{header: "DELETE"}
        ).status in (
            201,
            400,
        )
    assert fresh.ask("a", "GET", "Observation/of-a?_method=DELETE").status in (200, 400)
    assert fresh.ask("owner", "GET", "Observation/of-a").status == 200


# Punctuation beside letters counts for nothing in a name, so that only what has no letters would be a pattern there.
SQL = ("' OR '1'='1", '" OR ""="', "x'); DROP TABLE version; --", "%", "_", "__", "\\", "*", "{$ne: null}", "$where")


@pytest.mark.parametrize("text", SQL)
def test_what_is_searched_for_is_a_value_and_nothing_else(server: Asking, text: str) -> None:
    asked = "".join(f"%{byte:02X}" for byte in text.encode())
    for query in (
        f"Patient?family={asked}",
        f"Patient?family:exact={asked}",
        f"Patient?family:contains={asked}",
        f"Patient?identifier={asked}",
        f"Observation?subject=Patient/{asked}",
        f"Observation?code={asked}",
        f"Patient?_id={asked}",
    ):
        answer = server.ask("a", "GET", query)
        assert answer.status in (200, 400), answer.body
        if answer.status == 200:
            assert answer.json["total"] == 0, (query, answer.body)
    for query in (
        f"Patient?{asked}=1",
        f"Patient?_sort={asked}",
        f"Patient?_include={asked}",
        f"Patient?_elements={asked}",
    ):
        assert server.ask("a", "GET", query).status in (200, 400), query
    assert server.ask("a", "GET", f"Patient/{asked}").status in (400, 404)
    assert server.ask("a", "GET", "Patient/a").status == 200
