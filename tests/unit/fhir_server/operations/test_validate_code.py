"""$validate-code (http://hl7.org/fhir/R4/valueset-operation-validate-code.html)."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import BadRequest, NotFound, Unprocessable
from tests.fakes.operating import animals, ask, parameters, refused, told
from tests.fakes.server import Server
from tests.fakes.terminology import SYSTEM

pytestmark = pytest.mark.anyio

STATUS = "http://hl7.org/fhir/ValueSet/observation-status"
CODES = "http://hl7.org/fhir/observation-status"


async def test_a_code_in_the_value_set_is_good_and_its_display_is_told(server: Server) -> None:
    answer = await ask(server, "validate-code", "ValueSet", url=STATUS, system=CODES, code="final")
    assert (told(answer, "result"), told(answer, "display")) == ([True], ["Final"])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"system": CODES, "code": "done"}, "is not in the code system"),
        ({"system": "urn:x", "code": "final"}, "is not in the value set"),
        ({"system": CODES, "code": "FINAL"}, "is not in the code system"),
        ({"system": CODES, "code": "final", "display": "Finished"}, "it is called 'Final'"),
    ],
)
async def test_what_is_not_good_says_why(server: Server, query: dict[str, str], message: str) -> None:
    answer = await ask(server, "validate-code", "ValueSet", url=STATUS, **query)
    assert told(answer, "result") == [False]
    assert message in told(answer, "message")[0]


async def test_one_good_coding_makes_a_concept_good(server: Server) -> None:
    concept = {"coding": [{"system": "urn:x", "code": "y"}, {"system": CODES, "code": "final", "display": "final"}]}
    body = parameters(("url", "valueUri", STATUS), ("codeableConcept", "valueCodeableConcept", concept))
    assert told(await ask(server, "validate-code", "ValueSet", body), "result") == [True]


async def test_a_code_system_is_asked_in_the_same_way(server: Server) -> None:
    await server.put(animals())
    for given, good in ({"code": "bird", "display": "oiseau"}, True), ({"code": "BIRD"}, True), ({"code": "x"}, False):
        assert told(await ask(server, "validate-code", "CodeSystem", url=SYSTEM, **given), "result") == [good]
    body = parameters(("coding", "valueCoding", {"system": "urn:other", "code": "bird"}))
    assert told(await ask(server, "validate-code", "CodeSystem/animals", body), "result") == [False]


async def test_a_syntax_stands_for_the_codes_that_it_builds(server: Server) -> None:
    url = "http://hl7.org/fhir/ValueSet/mimetypes"
    for code, good in ("text/plain", True), ("plain", False):
        answer = await ask(server, "validate-code", "ValueSet", url=url, system="urn:ietf:bcp:13", code=code)
        assert told(answer, "result") == [good]


@pytest.mark.parametrize(
    ("path", "query", "kind", "parameter"),
    [
        ("ValueSet", {"url": STATUS}, BadRequest, "code"),
        ("ValueSet", {"url": STATUS, "code": "final"}, BadRequest, "system"),
        ("ValueSet", {"code": "final", "system": CODES}, BadRequest, "url"),
        ("ValueSet", {"url": "urn:none", "code": "a", "system": "b"}, NotFound, "url"),
        ("CodeSystem", {"url": "urn:none", "code": "a"}, NotFound, "url"),
        ("CodeSystem", {"url": "http://snomed.info/sct", "code": "73211009"}, Unprocessable, "url"),
        ("CodeSystem", {"url": CODES, "code": "final", "version": "9"}, NotFound, "url"),
    ],
)
async def test_what_cannot_be_told_is_refused(
    server: Server, path: str, query: dict[str, str], kind: type[Exception], parameter: str
) -> None:
    refusal = await refused(server, "validate-code", path, **query)
    assert isinstance(refusal, kind)
    assert refusal.issues[0].expression == parameter


@pytest.mark.parametrize("body", [{"coding": {"code": "x"}}, {"coding": {"system": "urn:x"}}])
async def test_a_coding_without_system_or_code_is_refused(server: Server, body: dict[str, Any]) -> None:
    rows = parameters(("url", "valueUri", STATUS), ("coding", "valueCoding", body["coding"]))
    assert isinstance(await refused(server, "validate-code", "ValueSet", rows), BadRequest)
