"""$closure: `POST [base]/$closure`.

A table of which codes are kinds of which, that a client keeps for its own queries and this server helps to maintain
(http://hl7.org/fhir/R4/terminology-service.html#closure). A name alone begins a table anew; a name with concepts adds
them and answers what is new; a name with a version answers what came since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fhir_server.errors import BadRequest, Conflict, NotFound, TooCostly, Unprocessable
from fhir_server.interactions import audit
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.interactions.terminology import Reading
from fhir_server.model.resource import instant
from fhir_server.operations.consulting import consult
from fhir_server.operations.parameters import Given, read_parameters
from fhir_server.store.base import Record, RecordConflict, RecordTable, Transaction
from profiles.terminology.hierarchy import demand_subsuming
from profiles.terminology.sources import System, find_code_system

TABLE = RecordTable("closure", indexed=("name",))
"""One record for each version of a table. Key: name, blank, version in ten digits.

Value: name, version, and of what was added with it `concepts` ([system, code]), `pairs` ([system, narrower code, wider
code]) and `marks` ({system: mark}).
"""
LONGEST = 64
"""Characters of a name."""
ATTEMPTS = 5
"""How often concepts are added again when others have added some at the same time."""

Pair = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Table:
    """A table as it stands: its newest version, the codes of each system, and by what mark each was read."""

    version: int
    codes: Mapping[str, frozenset[str]]
    marks: Mapping[str, str]


async def closure(call: Call) -> Result:
    """Return a ConceptMap with what is new in the table: 200. Raises NotFound for a table that was not begun."""
    given = read_parameters(call, "closure")
    name = _name(given)
    if "concept" in given and "version" in given:
        raise BadRequest("The parameters concept and version both came: give one.", expression="version")
    if "concept" in given:
        resource = await _add(call, name, given)
    elif "version" in given:
        resource = await _since(call, name, given.one("version"))
    else:
        resource = await _begin(call, name)
    return await audit.seen(call, "$closure", Result(200, resource=resource))


def _name(given: Given) -> str:
    name: str = given.demand("name", "it says which closure table is meant")
    if len(name) > LONGEST or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise BadRequest(
            f"The parameter name has up to {LONGEST} letters, digits, and the signs - _ . between them.",
            expression="name",
        )
    return name


async def _begin(call: Call, name: str) -> Resource:
    async def work(tx: Transaction) -> None:
        for record in await tx.records.find(TABLE.name, "name", name):
            await tx.records.delete(TABLE.name, record.key)
        await _put(tx, name, 0, {"concepts": [], "pairs": [], "marks": {}})

    await call.write(work)
    return _map(call, f"Closure Table {name} Creation", 0, ())


async def _since(call: Call, name: str, version: str) -> Resource:
    records = await _records(call, name)
    newest = len(records) - 1
    if not version.isdecimal() or len(version) > 10 or int(version) > newest:
        raise BadRequest(
            "The parameter version is none that this table has had: 0 asks for the whole table.", expression="version"
        )
    pairs = [_pair(row) for record in records[int(version) + 1 :] for row in record.value["pairs"]]
    return _map(call, f"Updates for Closure Table {name}", newest, pairs)


async def _add(call: Call, name: str, given: Given) -> Resource:
    wanted = _concepts(given)
    for _ in range(ATTEMPTS):
        table = _table(await _records(call, name))
        added, pairs, marks = await consult(call, partial(_news, table=table, wanted=wanted), "concept")
        if not added:
            return _map(call, f"Updates for Closure Table {name}", table.version, ())
        value = {"concepts": added, "pairs": [list(pair) for pair in pairs], "marks": marks}
        version = table.version + 1
        try:
            await call.write(partial(_put, name=name, version=version, value=value))
        except RecordConflict:
            continue
        return _map(call, f"Updates for Closure Table {name}", version, pairs)
    raise Conflict("Others keep adding to this closure table: ask again.", expression="name")


def _concepts(given: Given) -> list[tuple[str, str]]:
    """Return the concepts that came, each once. Raises BadRequest for one without system and code."""
    found: dict[tuple[str, str], None] = {}
    for at, coding in enumerate(given.all("concept")):
        for part in ("system", "code"):
            if part not in coding:
                place = f"concept[{at}].{part}"
                raise BadRequest(f"The parameter concept has no {part}.", expression=place, code="required")
        found[coding["system"], coding["code"]] = None
    return list(found)


async def _records(call: Call, name: str) -> list[Record]:
    records = await call.reader.records.find(TABLE.name, "name", name)
    if not records:
        raise NotFound(
            "There is no closure table of that name: begin it by asking with the name alone.", expression="name"
        )
    return records


def _table(records: Iterable[Record]) -> _Table:
    codes: dict[str, set[str]] = {}
    marks: dict[str, str] = {}
    version = -1
    for record in records:
        version = record.value["version"]
        marks |= record.value["marks"]
        for system, code in record.value["concepts"]:
            codes.setdefault(system, set()).add(code)
    return _Table(version, {system: frozenset(each) for system, each in codes.items()}, marks)


def _news(
    reading: Reading, table: _Table, wanted: Iterable[tuple[str, str]]
) -> tuple[list[list[str]], list[Pair], dict[str, str]]:
    """Return the concepts that are not in the table yet, the pairs they bring, and the marks of their systems."""
    limit = reading.limit
    codes = {system: set(each) for system, each in table.codes.items()}
    added: list[list[str]] = []
    pairs: dict[Pair, None] = {}
    marks: dict[str, str] = {}
    for url, given in wanted:
        system = find_code_system(url, reading.resolve)
        marks[url] = system.mark
        if table.marks.get(url, system.mark) != system.mark:
            raise Unprocessable(
                f"The code system {url} has changed since codes of it were added: this closure table must be "
                "reinitialized, by asking with its name alone, and filled again.",
                expression="name",
            )
        code, there = _known(system, given), codes.setdefault(url, set())
        if code in there:
            continue
        there.add(code)
        added.append([url, code])
        if system.hierarchical:
            demand_subsuming(system)
            others = tuple(sorted(there - {code}))
            pairs |= dict.fromkeys((url, code, other) for other in sorted(system.above_among(code, others)))
            pairs |= dict.fromkeys((url, other, code) for other in sorted(system.below_among(code, others)))
        if len(pairs) > limit:
            raise TooCostly(
                f"The concepts bring more than {limit:,} entries: add fewer at a time.", expression="concept"
            )
    return added, list(pairs), marks if added else {}


def _known(system: System, code: str) -> str:
    actual = system.actual(code)
    if actual is None:
        raise Unprocessable(
            f"A concept has a code that is not in the code system {system.url}: correct it.",
            expression="concept",
            code="code-invalid",
        )
    return actual


async def _put(tx: Transaction, name: str, version: int, value: Mapping[str, Any]) -> None:
    whole = {"name": name, "version": version, **value}
    await tx.records.put(TABLE.name, f"{name} {version:010}", whole, expect=0)


def _pair(row: Iterable[str]) -> Pair:
    system, narrower, wider = row
    return system, narrower, wider


def _map(call: Call, name: str, version: int, pairs: Iterable[Pair]) -> Resource:
    """Return the pairs as a ConceptMap: each target subsumes the element it stands in."""
    groups: dict[str, dict[str, list[dict[str, str]]]] = {}
    for system, narrower, wider in pairs:
        targets = groups.setdefault(system, {}).setdefault(narrower, [])
        targets.append({"code": wider, "equivalence": "subsumes"})
    made: Resource = {
        "resourceType": "ConceptMap",
        "version": str(version),
        "name": name,
        "status": "active",
        "experimental": True,
        "date": instant(call.services.now()),
    }
    if groups:
        made["group"] = [
            {
                "source": system,
                "target": system,
                "element": [{"code": code, "target": targets} for code, targets in elements.items()],
            }
            for system, elements in groups.items()
        ]
    return made
