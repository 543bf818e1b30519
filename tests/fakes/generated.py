"""Resources of every type, generated from R4's definitions: right in structure, in rare forms too."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from profiles.definitions import resource_types
from profiles.terminology.codes import FORMATS, expansion, open_system
from profiles.validation.tables import RESOURCE, Property, Shape, shape

Json = dict[str, Any]

_VALUES: dict[str, list[Any]] = {
    "base64Binary": ["YQ==", "YWJj"],
    "boolean": [True, False],
    "canonical": ["http://example.org/a|1"],
    "code": ["a", "a b"],
    "date": ["2024", "2024-02", "2024-02-29"],
    "dateTime": ["2024", "2024-02-29T13:28:17.5+02:00", "2023-12-31"],
    "decimal": [Decimal("1.0"), 3, Decimal("-2.50"), Decimal("1E-3")],
    "id": ["a.1-B"],
    "instant": ["2024-02-29T13:28:17Z"],
    "integer": [0, -5, 2**31 - 1],
    "markdown": ["# a\n\nb"],
    "oid": ["urn:oid:1.2.3"],
    "positiveInt": [1, 7],
    "string": ["a", " é b "],
    "time": ["13:28:17"],
    "unsignedInt": [0, 9],
    "uri": ["http://example.org/a", "urn:a"],
    "url": ["http://example.org/a"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "xhtml": ['<div xmlns="http://www.w3.org/1999/xhtml">a</div>'],
}
_OPEN_CODES = {
    "urn:ietf:bcp:13": "text/plain",
    "urn:ietf:bcp:47": "fr",
    "http://unitsofmeasure.org": "mg",
    FORMATS: "json",
}


def generated_resource(seed: int) -> Json:
    """Return a resource that is right in structure, the same for the same `seed`. Invariants may not hold."""
    random = Random(seed)
    name = random.choice(resource_types())
    return {"resourceType": name, **_object(random, shape(name), 0, ())}


def _object(random: Random, of: Shape, depth: int, targets: tuple[str, ...]) -> Json:
    names = _chosen(random, of, depth)
    content: Json = {}
    for name in names:
        row = of.properties[name]
        if of.type == "Reference" and name == "reference":
            content[name] = _reference(random, targets)
        elif of.type == "Reference" and name == "type":
            continue
        else:
            content |= _member(random, row, depth)
    if of.type == "Reference" and not set(content) - {"id"}:
        content["display"] = "a"
    if not of.resource and not set(content) - {"id"}:
        content["extension"] = [{"url": "http://example.org/e", "valueBoolean": True}]
    return content


def _chosen(random: Random, of: Shape, depth: int) -> list[str]:
    """Return the JSON names to fill: what is required, and some others; of a choice at most one."""
    if of.type == "Extension":
        values = [name for name, row in of.properties.items() if row.element.choice and (depth < 3 or not row.shape)]
        return ["url", random.choice(values)]
    chance = 0.25 if depth == 0 else 0.15 if depth < 4 else 0.0
    choice_names = {name for group in of.choices for names in group for name in names}
    names = []
    for name, row in of.properties.items():
        if name not in choice_names and (row.element.min or random.random() < chance):
            names.append(name)
    for group in of.choices:
        if of.properties[group[0][0]].element.min or random.random() < chance:
            simple = [names for names in group if depth < 3 or not of.properties[names[0]].shape]
            names.append(random.choice(simple or list(group))[0])
    return names


def _member(random: Random, row: Property, depth: int) -> Json:
    if not row.repeats:
        return _single(random, row, depth)
    count = max(row.element.min, random.choice([1, 1, 2]))
    values = [_value(random, row, depth) for _ in range(count)]
    if row.sibling and random.random() < 0.1:
        siblings = [None, *(_sibling() for _ in values)]
        return {row.name: [*values, None], f"_{row.name}": siblings}
    return {row.name: values}


def _single(random: Random, row: Property, depth: int) -> Json:
    content = {row.name: _value(random, row, depth)}
    if row.sibling and random.random() < 0.1:
        content[f"_{row.name}"] = random.choice([_sibling(), {"id": "x1"}])
        if random.random() < 0.3:
            content = {f"_{row.name}": _sibling()}
    return content


def _sibling() -> Json:
    return {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }


def _value(random: Random, row: Property, depth: int) -> Any:
    if row.type == RESOURCE:
        return {"resourceType": "Basic", "id": "c1", "code": {"text": "a"}}
    if not row.shape:
        return _code(random, row.value_set) if row.value_set else random.choice(_VALUES[row.type])
    content = _object(random, shape(row.shape), depth + 1, row.targets)
    if row.value_set:
        codes = sorted(expansion(row.value_set) or ())
        system = open_system(row.value_set)
        chosen = random.choice(codes) if codes else (system, _OPEN_CODES[system]) if system else ("urn:a", "a")
        content["coding"] = [{"system": chosen[0], "code": chosen[1]}]
    return content


def _code(random: Random, value_set: str) -> str:
    codes = sorted(code for _, code in expansion(value_set) or ())
    return random.choice(codes) if codes else _OPEN_CODES[str(open_system(value_set))]


def _reference(random: Random, targets: tuple[str, ...]) -> str:
    name = random.choice(resource_types() if not targets or "Resource" in targets else targets)
    relative = f"{name}/a-1"
    urn = "urn:uuid:C757873D-ec9a-4326-a141-556f43239520"
    return random.choice([relative, f"{relative}/_history/2", "#c1", "#", "http://example.org/x", urn, "urn:oid:1.2.3"])
