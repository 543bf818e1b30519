"""$subsumes: `GET|POST [base]/CodeSystem/$subsumes`, `[base]/CodeSystem/[id]/$subsumes`.

How two codes of one system lie to each other (http://hl7.org/fhir/R4/codesystem-operation-subsumes.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_server.errors import BadRequest, NotFound
from fhir_server.interactions import audit
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.interactions.terminology import Reading
from fhir_server.operations.consulting import Subject, consult, subject_of
from fhir_server.operations.parameters import Given, answer, read_parameters
from profiles.terminology.hierarchy import demand_subsuming
from profiles.terminology.sources import System, demand_complete


async def subsumes(call: Call) -> Result:
    """Return Parameters with the outcome: 200. Raises NotFound for an unknown system or code."""
    given = read_parameters(call, "subsumes")
    codes = _codes(given)
    subject = await _subject(call, given)

    def read(reading: Reading) -> Resource:
        system = subject.code_system(reading)
        first, second = (_known(system, code, name) for name, code in codes.items())
        return answer(("outcome", "Code", _outcome(system, first, second)))

    made = await consult(call, read, subject.parameter)
    return await audit.seen(call, "$subsumes", Result(200, resource=made))


async def _subject(call: Call, given: Given) -> Subject:
    if call.id is not None:
        if "system" in given:
            raise BadRequest("The URL names the code system already: leave system out.", expression="system")
        subject = await subject_of(call, given, url="system", inline="system", version=None)
        stated = None if subject.resource is None else subject.resource.get("url")
        for name in ("codingA", "codingB"):
            if name in given and given.one(name).get("system") not in (None, stated):
                raise BadRequest(f"The system of {name} is not the code system of the URL.", expression=name)
        return subject
    systems = {name: given.one(name).get("system") for name in ("codingA", "codingB") if name in given}
    named = {each for each in (given.text("system"), *systems.values()) if each is not None}
    if not named:
        raise BadRequest(
            "The parameter system is missing: codes mean nothing without their code system.",
            expression="system",
            code="required",
        )
    if len(named) > 1:
        raise BadRequest(
            "The codes are of several code systems, and one code subsumes another within its system only: give two of "
            "one system.",
            expression=next(iter(systems), "system"),
        )
    url = named.pop()
    version = given.text("version")
    return Subject("system", canonical=f"{url}|{version}" if version and "|" not in url else url)


def _codes(given: Given) -> Mapping[str, str]:
    """Return the two codes, by the parameter they came in. Raises BadRequest."""
    found: dict[str, Any] = {}
    for letter in "AB":
        plain, coded = f"code{letter}", f"coding{letter}"
        if (plain in given) == (coded in given):
            both = "both came" if plain in given else "neither came"
            raise BadRequest(
                f"The parameter {plain} or the parameter {coded} is needed, and {both}: give one.",
                expression=plain,
                code="invalid" if plain in given else "required",
            )
        name = plain if plain in given else coded
        code = given.one(plain) if plain in given else given.one(coded).get("code")
        if code is None:
            raise BadRequest(f"The parameter {coded} has no code.", expression=f"{coded}.code", code="required")
        found[name] = code
    return found


def _known(system: System, code: str, parameter: str) -> str:
    actual = system.actual(code)
    if actual is None:
        raise NotFound(
            f"The code of {parameter} is not in the code system {system.url}: correct it.", expression=parameter
        )
    return actual


def _outcome(system: System, first: str, second: str) -> str:
    if first == second:
        return "equivalent"
    if not system.hierarchical and system.complete:
        # A flat list has no code above another.
        return "not-subsumed"
    demand_subsuming(demand_complete(system))
    upwards = system.subsumes(second, first)
    if system.subsumes(first, second):
        # In a circle each is a kind of the other.
        return "equivalent" if upwards else "subsumes"
    return "subsumed-by" if upwards else "not-subsumed"
