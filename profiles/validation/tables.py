"""Compact tables of what may stand in one JSON object: the shapes that both the schema and the walker are made from.

A shape is a resource, a data type, or a group of elements inside one (`Observation#component`). Its properties go by
JSON names, so a choice element contributes one property per type (http://hl7.org/fhir/R4/json.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from profiles.definitions import Element, ElementType, at, is_resource_type, primitive_types, structure
from profiles.terminology.canonical import unversioned
from profiles.terminology.codes import FORMATS

RESOURCE = "Resource"
SIMPLE = "Quantity!simple"
_GROUPS = frozenset({"BackboneElement", "Element"})
_MIME_TYPES = "http://hl7.org/fhir/ValueSet/mimetypes"
_FORMAT_TYPES = frozenset({"CapabilityStatement", "TestScript"})
"""Where a mime type may also be `xml` or `json`: R4 says so in these elements' definitions, not in the binding."""
_VALUE_SETS = "http://hl7.org/fhir/ValueSet/"
_LANGUAGES = f"{_VALUE_SETS}languages"
_ALL_LANGUAGES = f"{_VALUE_SETS}all-languages"
"""R4 prefers its list of languages; this one is the most that a code may be (elementdefinition-maxValueSet)."""


@dataclass(frozen=True, slots=True)
class Property:
    """One JSON property.

    `name` is the JSON name (`valueQuantity`), `type` the FHIR type, `shape` the key of the shape inside ("" for
    primitives and for nested resources). `sibling` says whether `_name` may stand beside it. `targets` are the types
    a Reference may point to, `group` the names of the alternatives of a choice (this one included).
    """

    name: str
    type: str
    shape: str
    repeats: bool
    sibling: bool
    targets: tuple[str, ...]
    value_set: str | None
    element: Element

    @property
    def label(self) -> str:
        """The FHIRPath name: `value` for `valueQuantity`."""
        return self.element.name


@dataclass(frozen=True, slots=True)
class Shape:
    """What may stand in one object.

    `choices` holds, per choice element, the tuples of JSON names of its alternatives: (`valueString`,
    `_valueString`), (`valueQuantity`,), ...; at most one alternative may be present. Of each tuple of `required` at
    least one name must be present. `is_element` says whether ele-1 applies (not to resources).
    """

    key: str
    type: str
    resource: bool
    properties: Mapping[str, Property]
    choices: tuple[tuple[tuple[str, ...], ...], ...]
    required: tuple[tuple[str, ...], ...]

    @property
    def is_element(self) -> bool:
        """Whether the object is an Element, which must have more than an id (ele-1)."""
        return not self.resource


@cache
def shape(key: str) -> Shape:
    """Return the shape called `key`: a type (`Quantity`, `Patient`) or a group in one (`Patient#contact`)."""
    if key == SIMPLE:
        return _shape(key, "Quantity", tuple(e for e in structure("Quantity").root.children if e.name != "comparator"))
    type_name, _, path = key.partition("#")
    element = at(type_name, path) if path else structure(type_name).root
    return _shape(key, type_name, element.children)


def _shape(key: str, type_name: str, elements: tuple[Element, ...]) -> Shape:
    resource = "#" not in key and is_resource_type(type_name)
    properties: dict[str, Property] = {}
    choices: list[tuple[tuple[str, ...], ...]] = []
    required: list[tuple[str, ...]] = []
    for element in elements:
        if element.max == 0:
            continue
        rows = [_property(type_name, resource, element, name, kind) for name, kind in element.json_names().items()]
        properties |= {row.name: row for row in rows}
        alternatives = tuple((row.name, f"_{row.name}") if row.sibling else (row.name,) for row in rows)
        if element.choice and not (type_name == "Extension" and element.name == "value"):
            choices.append(alternatives)
        if element.min:
            required.append(tuple(name for names in alternatives for name in names))
    if type_name == "Extension":
        # ext-1: a value or extensions, never both. Seen so, the extensions are one more alternative of the value.
        values = [row for row in properties.values() if row.element.choice]
        group = (("extension",), *((row.name, f"_{row.name}") if row.sibling else (row.name,) for row in values))
        choices.append(group)
        required.append(tuple(name for names in group for name in names))
    return Shape(key, type_name, resource, properties, tuple(choices), tuple(required))


def _property(type_name: str, resource: bool, element: Element, name: str, kind: ElementType | None) -> Property:
    code = kind.code if kind else ""
    if element.path == "id" and resource:
        code = "id"
    primitive = code in primitive_types()
    if element.content:
        inside = f"{type_name}#{element.content}"
    elif element.children or code in _GROUPS:
        inside = f"{type_name}#{element.path}"
    elif primitive or code == RESOURCE:
        inside = ""
    elif kind and code == "Quantity" and "SimpleQuantity" in kind.profiles:
        inside = SIMPLE
    else:
        inside = code
    return Property(
        name=name,
        type=code,
        shape=inside,
        repeats=element.repeats,
        # Ids, the url of an extension and narrative text are plain in XML too: there is no place for extensions.
        sibling=primitive and element.name != "id" and not element.attribute and code != "xhtml",
        targets=kind.targets if kind and code == "Reference" else (),
        value_set=_value_set(type_name, element, code),
        element=element,
    )


def _value_set(type_name: str, element: Element, code: str) -> str | None:
    """Return the value set that the element, of the type `code`, requires; None where none is required."""
    if code == "code" and element.value_set and unversioned(element.value_set) == _LANGUAGES:
        return _ALL_LANGUAGES
    if element.strength != "required":
        return None
    if type_name in _FORMAT_TYPES and element.value_set and unversioned(element.value_set) == _MIME_TYPES:
        return FORMATS
    return element.value_set


def reachable(key: str) -> tuple[str, ...]:
    """Return the keys of all shapes inside the shape `key`, itself first, nested resources left out."""
    found: dict[str, None] = {key: None}
    queue = [key]
    while queue:
        for each in shape(queue.pop()).properties.values():
            if each.shape and each.shape not in found:
                found[each.shape] = None
                queue.append(each.shape)
    return tuple(found)
