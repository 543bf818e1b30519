"""Shapes -> one JSON Schema per resource type, for the fast road: a yes says the structure is right.

Draft 4 is used because there `1.0` is not an integer, as in FHIR. A few legal but rare forms are beyond a schema and
always get a no, whereupon the walker in `structure` decides: arrays of primitives with their `_` sibling, `_` siblings
that hold an id alone, and `Reference.type` where the element may point to anything or the reference is absolute.
Narratives and the resources inside a resource are not looked at here.

An extension may hold any data type, so a schema that knows extensions compiles them all; one without is compiled in a
third of the time and is enough for most resources. It says no to whatever has an extension.
"""

from __future__ import annotations

from typing import Any

from profiles.datatypes.primitives import INTEGER_RANGES, LIMITED, MAX_STRING, PATTERNS
from profiles.terminology.codes import SYNTAX, expansion, open_system
from profiles.validation.references import reference_pattern, target_types
from profiles.validation.tables import RESOURCE, Property, Shape, shape

Json = dict[str, Any]

DRAFT4 = "http://json-schema.org/draft-04/schema#"
_SIBLING = "sibling"


def resource_schema(type_name: str, *, bare: bool = False) -> Json:
    """Return the JSON Schema of the resource type `type_name`, a `bare` one without extensions."""
    return _Builder(bare).document(type_name)


class _Builder:
    """One schema document in the making; `definitions` holds what is shared."""

    def __init__(self, bare: bool) -> None:
        self.definitions: Json = {}
        self.bare = bare

    def document(self, type_name: str) -> Json:
        root = self.reference(type_name, lambda: self.object(shape(type_name), ()))
        return {"$schema": DRAFT4, **root, "definitions": self.definitions}

    def reference(self, key: str, make: Any) -> Json:
        """Return a `$ref` to the definition `key`, making it first where it is missing."""
        name = "".join(char if char.isalnum() else "-" for char in key)
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = make()
        return {"$ref": f"#/definitions/{name}"}

    def object(self, of: Shape, targets: tuple[str, ...]) -> Json:
        names: Json = {}
        for each in of.properties.values():
            if self.bare and each.shape == "Extension":
                continue
            names[each.name] = self.property(each)
            if each.sibling and not each.repeats and not self.bare:
                names[f"_{each.name}"] = self.reference(_SIBLING, self.sibling)
        schema: Json = {"type": "object", "additionalProperties": False, "properties": names}
        if of.resource:
            names["resourceType"] = {"enum": [of.type]}
            schema["required"] = ["resourceType"]
        if of.type == "Reference":
            self.limit_reference(schema, targets)
        if of.type == "Extension":
            self.extension(schema)
        else:
            self.rules(of, schema)
        return schema

    def rules(self, of: Shape, schema: Json) -> None:
        """Add required elements, choices and ele-1."""
        conditions: list[Json] = []
        required: list[str] = schema.get("required", [])
        for names in of.required:
            known = [name for name in names if name in schema["properties"]]
            if len(known) == 1:
                required.append(known[0])
            else:
                conditions.append({"anyOf": [{"required": [name]} for name in known]})
        if required:
            schema["required"] = required
        elif of.is_element and not of.required:
            schema["minProperties"] = 1
            conditions.append({"anyOf": [{"not": {"required": ["id"]}}, {"minProperties": 2}]})
        if conditions:
            schema["allOf"] = conditions
        for alternatives in of.choices:
            schema.setdefault("dependencies", {}).update(_exclusive(alternatives))

    def extension(self, schema: Json) -> None:
        """Add ext-1 by counting: the url and one more property, an id apart."""
        schema["required"] = ["url"]
        schema["anyOf"] = [
            {"minProperties": 2, "maxProperties": 2, "not": {"required": ["id"]}},
            {"minProperties": 3, "maxProperties": 3, "required": ["id"]},
        ]

    def property(self, of: Property) -> Json:
        value = self.value(of)
        if not of.repeats:
            return value
        schema: Json = {"type": "array", "minItems": max(1, of.element.min), "items": value}
        if of.element.max > 1:
            schema["maxItems"] = of.element.max
        return schema

    def value(self, of: Property) -> Json:
        if of.type == RESOURCE:
            return {"type": "object"}
        if not of.shape:
            return self.bound_code(of) if of.value_set else self.primitive(of.type)
        if of.shape == "Reference":
            return self.reference(
                f"Reference-{'-'.join(of.targets)}", lambda: self.object(shape("Reference"), of.targets)
            )
        inner = self.reference(of.shape, lambda: self.object(shape(of.shape), ()))
        return self.bound_concept(of.value_set, inner) if of.value_set else inner

    def primitive(self, type_name: str) -> Json:
        return self.reference(type_name, lambda: primitive_schema(type_name))

    def sibling(self) -> Json:
        extension = self.reference("Extension", lambda: self.object(shape("Extension"), ()))
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "id": self.primitive("string"),
                "extension": {"type": "array", "minItems": 1, "items": extension},
            },
            "required": ["extension"],
        }

    def bound_code(self, of: Property) -> Json:
        assert of.value_set is not None
        codes = expansion(of.value_set)
        if codes is not None:
            return {"enum": sorted({code for _, code in codes})}
        system = open_system(of.value_set)
        plain = self.primitive(of.type)
        return {"allOf": [plain, {"pattern": _whole(SYNTAX[system])}]} if system else plain

    def bound_concept(self, value_set: str, inner: Json) -> Json:
        """Return the schema of a CodeableConcept with one coding in the value set, or with extensions instead."""
        allowed = _coding_rules(value_set)
        if allowed is None:
            return inner
        bound = {
            "anyOf": [
                {"properties": {"coding": {"not": {"items": {"not": {"anyOf": allowed}}}}}, "required": ["coding"]},
                {"required": ["extension"], "not": {"required": ["coding"]}},
            ]
        }
        return {"allOf": [inner, bound]}

    def limit_reference(self, schema: Json, targets: tuple[str, ...]) -> None:
        """Limit `reference` to the element's targets, and `type` to what agrees with both.

        One expression holds the form for all elements; the types are plain prefixes, which the engine compares without
        an expression. A compiled expression per list of targets would cost a third of the schema's memory.
        """
        if not targets or "Resource" in targets:
            schema["properties"]["reference"] = self.reference("to-any", lambda: _reference_form(target_types(targets)))
            del schema["properties"]["type"]
            return
        form = self.reference("to-some", lambda: _reference_form(("[A-Za-z]+",)))
        local = self.reference("local", lambda: {"anyOf": [{"pattern": "^#"}, {"pattern": "^urn:"}]})
        prefixes = [{"pattern": f"^{each}/"} for each in targets]
        schema["properties"]["reference"] = {"allOf": [form, {"anyOf": [*prefixes, local, {"pattern": "://"}]}]}
        agreeing = [
            {"properties": {"type": {"enum": [each]}, "reference": {"anyOf": [prefix, local]}}}
            for each, prefix in zip(targets, prefixes, strict=True)
        ]
        schema["dependencies"] = {"type": {"anyOf": agreeing}}


def _reference_form(types: tuple[str, ...]) -> Json:
    return {"type": "string", "pattern": _whole(reference_pattern(types)), "maxLength": MAX_STRING}


def primitive_schema(type_name: str) -> Json:
    """Return the schema of one primitive type's JSON value."""
    if type_name == "boolean":
        return {"type": "boolean"}
    if type_name == "decimal":
        return {"type": "number"}
    if type_name in INTEGER_RANGES:
        low, high = INTEGER_RANGES[type_name]
        return {"type": "integer", "minimum": low, "maximum": high}
    schema: Json = {"type": "string", "pattern": _whole(PATTERNS[type_name])}
    return schema | {"maxLength": MAX_STRING} if type_name in LIMITED else schema


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


def _coding_rules(value_set: str) -> list[Json] | None:
    codes = expansion(value_set)
    if codes is None:
        system = open_system(value_set)
        return [_coding(system, {"type": "string", "pattern": _whole(SYNTAX[system])})] if system else None
    systems: dict[str, list[str]] = {}
    for system, code in sorted(codes):
        systems.setdefault(system, []).append(code)
    return [_coding(system, {"enum": allowed}) for system, allowed in systems.items()]


def _coding(system: str, code: Json) -> Json:
    return {"properties": {"system": {"enum": [system]}, "code": code}, "required": ["system", "code"]}


def _exclusive(alternatives: tuple[tuple[str, ...], ...]) -> Json:
    """Return `dependencies` that refuse two alternatives of one choice in the same object."""
    rules: Json = {}
    for index, names in enumerate(alternatives):
        later = [{"required": [other]} for group in alternatives[index + 1 :] for other in group]
        if later:
            rules |= {name: {"not": {"anyOf": later}} for name in names}
    return rules
