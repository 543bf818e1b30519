"""$lookup: `GET|POST [base]/CodeSystem/$lookup`.

What a code system says of one of its codes (http://hl7.org/fhir/R4/codesystem-operation-lookup.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from fhir_server.errors import BadRequest, NotFound
from fhir_server.interactions import audit
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.interactions.terminology import Reading
from fhir_server.operations.consulting import consult
from fhir_server.operations.parameters import Given, answer, parts, read_parameters
from profiles.terminology.sources import System, known_code_system

_ALWAYS = frozenset(("name", "version", "display", "designation", "system"))
"""What is told in parameters of their own, so that asking for it as a property asks for nothing more."""


async def lookup(call: Call) -> Result:
    """Return Parameters with what is known of the code: 200. Raises NotFound for an unknown system or code."""
    given = read_parameters(call, "lookup")
    given.refuse("date", way_out="name the version of the code system")
    system, version, code = _asked(given)
    canonical = f"{system}|{version}" if version else system
    wanted = frozenset(given.all("property"))
    language = given.text("displayLanguage")

    def read(reading: Reading) -> Resource:
        found = known_code_system(canonical, reading.resolve)
        actual = found.actual(code)
        if actual is None:
            here = "" if found.complete else f", whose content here is {found.content!r}, not complete"
            raise NotFound(
                f"The code is not in the code system {found.url}{here}: correct the parameter code.", expression="code"
            )
        return _told(found, actual, wanted, language)

    made = await consult(call, read, "system")
    return await audit.seen(call, "$lookup", Result(200, resource=made))


def _asked(given: Given) -> tuple[str, str | None, str]:
    """Return system, version and code, from the parameters of these names or from a coding. Raises BadRequest."""
    if "coding" not in given:
        code = given.demand("code", "give code and system, or a coding")
        return given.demand("system", "a code means nothing without its code system"), given.text("version"), code
    if "code" in given or "system" in given:
        raise BadRequest("The parameters code and coding both came: give one.", expression="coding")
    coding: Mapping[str, Any] = given.one("coding")
    for name in ("system", "code"):
        if name not in coding:
            raise BadRequest(f"The parameter coding has no {name}.", expression=f"coding.{name}", code="required")
    return coding["system"], given.text("version") or coding.get("version"), coding["code"]


def _told(system: System, code: str, wanted: frozenset[str], language: str | None) -> Resource:
    concept = system.concept(code)
    made = answer(
        ("name", "String", system.name),
        ("version", "String", system.version),
        ("display", "String", concept.display_in(language) or code),
    )
    rows = made["parameter"]
    for each in concept.designations:
        inner = parts(("language", "Code", each.language), ("use", "Coding", each.use), ("value", "String", each.value))
        rows.append({"name": "designation", "part": inner})
    for name, kind, value in _properties(system, code):
        if (not wanted or name in wanted) and name not in _ALWAYS:
            rows.append({"name": "property", "part": parts(("code", "Code", name), ("value", kind, value))})
    return made


def _properties(system: System, code: str) -> Iterator[tuple[str, str, Any]]:
    """Yield the properties of a code as (name, type of value, value), its neighbours in the hierarchy among them."""
    definition = system.concept(code).definition
    if definition is not None:
        yield "definition", "String", definition
    properties = system.properties_of(code)
    for name, values in properties.items():
        for value in values:
            yield name, _kind(value), value
    if "inactive" not in properties:
        yield "inactive", "Boolean", system.inactive(code)
    for name, others in (("parent", system.parents_of(code)), ("child", system.children_of(code))):
        for other in others:
            yield name, "Code", other


def _kind(value: object) -> str:
    match value:
        case bool():
            return "Boolean"
        case int():
            return "Integer"
        case Decimal():
            return "Decimal"
        case Mapping():
            return "Coding"
    return "String"
