"""The REST surface as a table (http://hl7.org/fhir/R4/http.html#summary)."""

from __future__ import annotations

import pytest

from fhir_server.errors import BadRequest, MethodNotAllowed, NotFound
from fhir_server.http.routes import ROUTES, find, interactions, methods, plain_read
from fhir_server.interactions.bundle import bundle
from fhir_server.interactions.table import INTERACTIONS

SURFACE = [
    ("GET", "Patient/1", "read", ("Patient", "1", None)),
    ("HEAD", "Patient/1", "read", ("Patient", "1", None)),
    ("GET", "Patient/1/", "read", ("Patient", "1", None)),
    ("GET", "Patient/%31", "read", ("Patient", "1", None)),
    ("GET", "Patient/1/_history/2", "vread", ("Patient", "1", "2")),
    ("PUT", "Patient/1", "update", ("Patient", "1", None)),
    ("PUT", "Patient", "update", ("Patient", None, None)),
    ("PATCH", "Patient/1", "patch", ("Patient", "1", None)),
    ("PATCH", "Patient", "patch", ("Patient", None, None)),
    ("DELETE", "Patient/1", "delete", ("Patient", "1", None)),
    ("DELETE", "Patient", "delete", ("Patient", None, None)),
    ("POST", "Patient", "create", ("Patient", None, None)),
    ("GET", "Patient", "search", ("Patient", None, None)),
    ("POST", "Patient/_search", "search", ("Patient", None, None)),
    ("GET", "", "search", (None, None, None)),
    ("POST", "_search", "search", (None, None, None)),
    ("POST", "", "bundle", (None, None, None)),
    ("GET", "Patient/1/_history", "history", ("Patient", "1", None)),
    ("GET", "Patient/_history", "history", ("Patient", None, None)),
    ("GET", "_history", "history", (None, None, None)),
    ("GET", "metadata", "capabilities", (None, None, None)),
]


@pytest.mark.parametrize(("method", "path", "name", "named"), SURFACE)
def test_method_and_path_find_their_interaction(
    method: str, path: str, name: str, named: tuple[str | None, str | None, str | None]
) -> None:
    match = find(method, path)
    assert (match.route.name, (match.type, match.id, match.version)) == (name, named)


@pytest.mark.parametrize(
    ("method", "path", "type"),
    [
        ("GET", "Patient/1/Observation", "Observation"),
        ("HEAD", "Encounter/1/Condition", "Condition"),
        ("GET", "Device/1/Device", "Device"),
        ("GET", "Patient/1/*", None),
        ("GET", "Patient/1/%2A", None),
        ("POST", "RelatedPerson/1/Appointment/_search", "Appointment"),
        ("POST", "Practitioner/1/*/_search", None),
        ("POST", "Practitioner/1/_search", None),
    ],
)
def test_a_compartment_is_searched_below_its_resource(method: str, path: str, type: str | None) -> None:
    match = find(method, path)
    assert (match.route.name, match.type, match.id) == ("search", type, None)
    assert match.compartment == (path.partition("/")[0], "1")


@pytest.mark.parametrize(
    "path",
    [
        "Patient/1/Organization",
        "Patient/1/Patent",
        "Observation/1/Patient",
        "Patient/a_b/Observation",
        "Patient/1/$everything",
        "Group/1/*",
        "Group/1/_search",
    ],
)
def test_what_a_compartment_does_not_hold_is_not_found(path: str) -> None:
    for method in ("GET", "POST"):
        with pytest.raises(NotFound):
            find(method, path)
    assert methods(path) == ()


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "Patient/1/Observation"), ("GET", "Patient/1/Observation/_search"), ("PUT", "Patient/1/Observation")],
)
def test_a_compartment_is_only_searched(method: str, path: str) -> None:
    with pytest.raises(MethodNotAllowed):
        find(method, path)


@pytest.mark.parametrize(
    "path", ["Patent/1", "patient/1", "Resource/1", "Patient/1/x", "Patient/1/_history/1/x", "x/y/z/a/b", "Patient/$x"]
)
def test_a_path_without_a_route_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        find("GET", path)
    assert methods(path) == ()


def test_a_slash_in_an_encoded_part_is_no_separator() -> None:
    assert find("GET", "Patient/a%2Fb").id == "a/b"


def test_a_path_that_is_not_percent_encoded_utf8_is_refused() -> None:
    with pytest.raises(BadRequest):
        find("GET", "Patient/%ff")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "Patient/1"), ("DELETE", ""), ("PUT", "metadata"), ("TRACE", "")]
)
def test_a_method_that_does_not_go_is_refused(method: str, path: str) -> None:
    with pytest.raises(MethodNotAllowed):
        find(method, path)
    assert method not in methods(path)


def test_every_route_has_its_interaction() -> None:
    for route in ROUTES:
        assert route.name == "bundle" or route.name in INTERACTIONS
    assert bundle.__name__ == "bundle"


def test_the_codes_are_those_of_the_standard() -> None:
    codes = interactions()
    assert set(codes["type"]) == {
        "read",
        "vread",
        "update",
        "patch",
        "delete",
        "history-instance",
        "history-type",
        "create",
        "search-type",
    }
    assert set(codes["system"]) == {"transaction", "batch", "search-system", "history-system"}


@pytest.mark.parametrize(
    "path", ["Patient", "Patient/", "Patient/_history", "Patient/$x", "Patient/1/_history", "Patent/1"]
)
def test_only_a_plain_read_takes_the_short_road(path: str) -> None:
    assert plain_read(path) is None


def test_a_plain_read_is_what_find_says_it_is() -> None:
    match = find("GET", "Observation/a.b-1")
    assert plain_read("Observation/a.b-1") == (match.type, match.id)
