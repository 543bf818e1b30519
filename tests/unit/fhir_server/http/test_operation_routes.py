"""Operations in URLs: `$name` at the system, a type or a resource.

http://hl7.org/fhir/R4/operations.html#executing
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fhir_server.errors import MethodNotAllowed, NotFound
from fhir_server.http import routes
from fhir_server.http.routes import find, methods
from fhir_server.operations import registry
from fhir_server.operations.registry import Operation
from fhir_server.operations.reindex import reindex

WIDE = Operation("wide", "urn:wide", reindex, ("system", "type", "instance"), needs="reindex")
NARROW = Operation("narrow", "urn:narrow", reindex, ("instance",), ("Patient",), ("POST",), needs="reindex")


@pytest.fixture(autouse=True)
def operations(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: Mapping[str, Operation] = {each.name: each for each in (WIDE, NARROW)}
    monkeypatch.setattr(registry, "OPERATIONS", rows)
    made = {
        (each.name, method): routes.Route(method, "$", f"${each.name}", "", ())
        for each in rows.values()
        for method in each.methods
    }
    monkeypatch.setattr(routes, "_OPERATIONS", made)


@pytest.mark.parametrize(
    ("method", "path", "name", "named"),
    [
        ("GET", "$wide", "$wide", (None, None)),
        ("HEAD", "$wide", "$wide", (None, None)),
        ("POST", "%24wide", "$wide", (None, None)),
        ("GET", "ValueSet/$wide", "$wide", ("ValueSet", None)),
        ("POST", "ValueSet/1/$wide", "$wide", ("ValueSet", "1")),
        ("POST", "Patient/1/$narrow", "$narrow", ("Patient", "1")),
    ],
)
def test_an_operation_is_found_at_its_level(
    method: str, path: str, name: str, named: tuple[str | None, str | None]
) -> None:
    match = find(method, path)
    assert (match.route.name, (match.type, match.id)) == (name, named)


@pytest.mark.parametrize("path", ["$narrow", "Patient/$narrow", "Claim/1/$narrow", "Martian/$wide", "a/b/c/$wide", "$"])
def test_elsewhere_there_is_none(path: str) -> None:
    with pytest.raises(NotFound) as caught:
        find("POST", path)
    assert caught.value.issues[0].code == "not-supported"
    assert methods(path) == ()


def test_an_operation_takes_its_methods_alone() -> None:
    with pytest.raises(MethodNotAllowed, match=r"GET does not go with \$narrow. It takes POST, OPTIONS"):
        find("GET", "Patient/1/$narrow")
    assert methods("Patient/1/$narrow") == ("POST", "OPTIONS")
    assert methods("$wide") == ("GET", "POST", "HEAD", "OPTIONS")
