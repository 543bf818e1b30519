"""$validate-code: of a code in a value set or in a code system.

`GET|POST [base]/ValueSet/$validate-code`, `[base]/ValueSet/[id]/$validate-code`, and the same at CodeSystem
(http://hl7.org/fhir/R4/valueset-operation-validate-code.html,
http://hl7.org/fhir/R4/codesystem-operation-validate-code.html). A code that is not there is an answer: 200 with
`result` false and a `message`. What cannot be told is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from fhir_server.interactions import audit
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.interactions.terminology import Reading
from fhir_server.operations.checking import Checked, Codings, Verdict, codings
from fhir_server.operations.consulting import Subject, consult, subject_of
from fhir_server.operations.expanding import Codes, Pair
from fhir_server.operations.parameters import answer, read_parameters
from fhir_server.search.values import fold
from profiles.terminology import codes as required
from profiles.terminology.concept import Concept
from profiles.terminology.errors import NotExpandable
from profiles.terminology.sources import demand_complete, known_code_system


async def validate_code(call: Call) -> Result:
    """Return Parameters with result, message and display: 200. Raises the refusal of what cannot be told."""
    given = read_parameters(call, "validate-code")
    in_set = call.type == "ValueSet"
    given.refuse("context", "date", way_out="name the definition by url, and by its version where that matters")
    if in_set:
        subject = await subject_of(call, given, url="url", inline="valueSet", version="valueSetVersion")
    else:
        subject = await subject_of(call, given, url="url", inline="codeSystem", version="version")
    asked = codings(given, in_set)

    def read(reading: Reading) -> Resource:
        verdict = _of_any(_in_set(reading, subject, asked) if in_set else _in_system(reading, subject, asked))
        return answer(
            ("result", "Boolean", verdict.result),
            ("message", "String", verdict.message),
            ("display", "String", verdict.display),
        )

    made = await consult(call, read, subject.parameter)
    return await audit.seen(call, "$validate-code", Result(200, resource=made))


def _of_any(verdicts: Iterator[Verdict]) -> Verdict:
    """Return the first good verdict, as one good coding makes a CodeableConcept good; else the one that tells most."""
    bad: list[Verdict] = []
    for verdict in verdicts:
        if verdict.result:
            return verdict
        bad.append(verdict)
    return max(bad, key=lambda each: each.display is not None)


def _in_set(reading: Reading, subject: Subject, asked: Codings) -> Iterator[Verdict]:
    name = subject.canonical or str((subject.resource or {}).get("url", "that was sent"))
    try:
        found = subject.members(reading)
    except NotExpandable:
        syntax = required.open_system(subject.canonical) if reading.resolve(subject.canonical) is None else None
        if syntax is None or not required.has_syntax(syntax):
            raise
        yield from (_by_syntax(each, syntax, name) for each in asked.checked)
        return
    codes = Codes(reading, found)
    for each in asked.checked:
        system = codes.system(each.system)
        if each.version is not None and system is not None:
            system = known_code_system(f"{each.system}|{each.version}", reading.resolve)
        pair: Pair = (each.system, each.code)
        if pair not in found.listed and system is not None:
            pair = (each.system, system.actual(each.code) or each.code)
        if codes.member(pair):
            codes.find([pair])
            yield _judged(asked, each, codes.concept(pair), abstract=codes.abstract(pair))
        elif system is not None and system.complete and not system.has(pair[1]):
            yield Verdict(
                False, f"The code is not in the code system {each.system}, and so not in the value set {name}."
            )
        else:
            yield Verdict(False, f"The code is not in the value set {name}.")


def _by_syntax(each: Checked, system: str, name: str) -> Verdict:
    """Judge a code of a system whose codes are built by a syntax, of which the value set is all."""
    if each.system == system and required.fits_syntax(system, each.code):
        return Verdict(True)
    return Verdict(False, f"The code is not in the value set {name}: it is no code of {system}.")


def _in_system(reading: Reading, subject: Subject, asked: Codings) -> Iterator[Verdict]:
    try:
        system = subject.code_system(reading)
    except NotExpandable:
        if reading.missing or not required.has_syntax(subject.canonical):
            raise
        for each in asked.checked:
            fits = each.system in ("", subject.canonical) and required.fits_syntax(subject.canonical, each.code)
            yield Verdict(fits, None if fits else f"The code is no code of {subject.canonical}: correct it.")
        return
    for each in asked.checked:
        if each.system and each.system != system.url:
            yield Verdict(False, f"The code is of another code system than {system.url}.")
            continue
        if each.version is not None and each.version != system.version:
            # Raises when that version is not here.
            system = known_code_system(f"{system.url}|{each.version}", reading.resolve)
        actual = system.actual(each.code)
        if actual is not None:
            yield _judged(asked, each, system.concept(actual), abstract=system.abstract(actual))
            continue
        demand_complete(system)
        yield Verdict(False, f"The code is not in the code system {system.url}.")


def _judged(asked: Codings, each: Checked, concept: Concept, *, abstract: bool) -> Verdict:
    """Judge a code that is there: whether it may be used where it is, and whether its display is one of its own."""
    display = concept.display_in(asked.language)
    if abstract and asked.abstract is False:
        return Verdict(False, "The code only groups others, and abstract=false says that none such is meant.", display)
    if each.display is None or not concept.names:
        return Verdict(True, display=display)
    if fold(each.display) in {fold(name) for name in concept.names}:
        return Verdict(True, display=display)
    return Verdict(False, f"The code is there, but that is no display of it: it is called {display!r}.", display)
