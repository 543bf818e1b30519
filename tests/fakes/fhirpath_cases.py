"""Run FHIRPath tests in HL7's XML: groups of expressions, each with an input file and outputs by type and value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from fhir_server.model.fhir_json import parse
from fhir_server.model.fhir_xml import parse_xml
from profiles.datatypes import quantity, temporal
from profiles.fhirpath.engine import (
    Environment,
    FhirPathError,
    FhirPathSyntaxError,
    Node,
    Scope,
    compile_expression,
)
from profiles.fhirpath.type_faults import type_faults
from profiles.validation.profiled.bound import member_hook
from profiles.validation.profiled.context import Context

EMPTY = {"resourceType": "Basic"}
"""What an expression without input file is evaluated on."""
STATIC = ("semantic", "true")
"""The kinds of errors that may be found before an expression is evaluated."""
ENVIRONMENT = Environment(member_of=member_hook(Context(lambda _: None)))
_TEMPORAL = {"date": temporal.parse_date_time, "dateTime": temporal.parse_date_time, "time": temporal.parse_time}
_KINDS = {
    **dict.fromkeys(("code", "id", "uri", "url", "canonical", "oid", "uuid", "markdown"), "string"),
    **dict.fromkeys(("positiveInt", "unsignedInt"), "integer"),
    "instant": "dateTime",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one test came to; `said` is ours where it is not what was expected, "" where it is."""

    group: str
    name: str
    said: str

    @property
    def agrees(self) -> bool:
        return not self.said


def answers(folder: Path) -> Iterator[Answer]:
    """Yield the answers to the tests of all XML files with the root `tests`; inputs lie below the folder."""
    for path in sorted(folder.glob("*.xml")):
        root = etree.parse(str(path)).getroot()
        if root.tag == "tests":
            for group in root.iter("group"):
                for test in group.iter("test"):
                    yield Answer(str(group.get("name")), str(test.get("name")), _difference(test, folder))


def _difference(test: etree._Element, folder: Path) -> str:
    expression = test.find("expression")
    text = "" if expression is None or expression.text is None else expression.text
    invalid = expression.get("invalid") if expression is not None else None
    try:
        compiled = compile_expression(text)
        resource = _input(folder, test.get("inputfile"))
        if invalid in STATIC or test.get("mode") == "strict":
            faults = type_faults(text, [Scope.of(resource).shape])
            if faults:
                return "" if invalid else f"refused: {faults[0].message}"
        found = [_typed(node) for node in compiled.nodes(resource, environment=ENVIRONMENT)]
        if test.get("predicate") == "true" and [kind for kind, _ in found] != ["boolean"]:
            found = [("boolean", bool(found))]
    except FhirPathSyntaxError as error:
        return "" if invalid in ("syntax", "semantic", "execution", "true") else f"refused: {error}"
    except FhirPathError as error:
        return "" if invalid in ("semantic", "execution", "true") else f"failed: {error}"
    if invalid:
        return f"{found} where an error of kind {invalid} was due"
    expected = [(each.get("type"), each.text or "") for each in test.findall("output")]
    if len(expected) == len(found) and all(_same(*pair) for pair in zip(expected, found, strict=True)):
        return ""
    return f"{found} in place of {expected}"


@cache
def _input(folder: Path, name: str | None) -> dict[str, Any]:
    if not name:
        return EMPTY
    path = next((each for each in (folder / name, *sorted(folder.rglob(Path(name).name))) if each.is_file()), None)
    if path is None:
        stem = Path(name).with_suffix(".json" if name.endswith(".xml") else ".xml").name
        path = next(iter(sorted(folder.rglob(stem))))
    body = path.read_bytes()
    found: dict[str, Any] = parse_xml(body) if path.suffix == ".xml" else parse(body)
    return found


def _typed(node: Node) -> tuple[str, Any]:
    return node.shape.type, node.value


def _same(expected: tuple[str | None, str], found: tuple[str, Any]) -> bool:
    kind, text = expected
    own, value = found
    own = _KINDS.get(own, own) if kind != own else own
    if kind is not None and kind != own and not (kind == "Quantity" and isinstance(value, dict)):
        return False
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, int | Decimal):
        return Decimal(text) == value
    if isinstance(value, dict):
        return kind != "Quantity" or _same_quantity(text, value)
    if kind in _TEMPORAL:
        left, right = _TEMPORAL[kind](text.lstrip("@").removeprefix("T")), _TEMPORAL[kind](str(value))
        return (left.low, left.high, left.precision) == (right.low, right.high, right.precision)
    return text == str(value)


def _same_quantity(text: str, value: dict[str, Any]) -> bool:
    number, _, unit = text.partition(" ")
    found = quantity.of_json(value)
    stated = unit.strip("'")
    units = {str(value.get(name, "1")) for name in ("code", "unit")}
    return found is not None and Decimal(number) == value["value"] and (not stated or stated in units)


def agreement(found: list[Answer]) -> dict[str, tuple[int, int]]:
    """Return {group: (answers that agree, all)}."""
    agreed = Counter(each.group for each in found if each.agrees)
    return {group: (agreed[group], count) for group, count in Counter(each.group for each in found).items()}
