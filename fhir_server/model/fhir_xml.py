"""FHIR XML to the dicts of FHIR JSON and back (http://hl7.org/fhir/R4/xml.html).

The definitions decide what is an attribute, an array, a choice or a nested resource, and in which order elements
stand. Decimals keep their digits, order and extensions are kept, the narrative travels as XHTML of its own namespace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from lxml import etree

from fhir_server.errors import ParseFailed, Unprocessable
from fhir_server.model.fhir_json import MAX_DEPTH, MAX_EXPONENT, MAX_NUMBER, is_number
from fhir_server.model.layout import Property, layout
from fhir_server.model.narrative import canonical, xhtml
from fhir_server.model.xml_reader import read_xml
from profiles.definitions import is_resource_type
from profiles.issues import Issue

FHIR = "http://hl7.org/fhir"
_SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
_MAX_ISSUES = 100
_MAX_ATTRIBUTES = 16  # lxml walks attributes in quadratic time
_SPACE = " \t\r\n"
_KEEPS_SPACE = frozenset(("string", "markdown"))
_INTEGERS = frozenset(("integer", "positiveInt", "unsignedInt"))
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?(?:[eE]([-+]?[0-9]+))?")
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"}
)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def parse_xml(body: bytes) -> dict[str, Any]:
    """Return the resource of an XML body as the dict its JSON would be.

    Raises ParseFailed for what is not well-formed, and with every finding, each with its element's path and line, for
    what is not in FHIR's namespace, unknown, out of order, empty, or nests deeper than the JSON of a resource may.
    """
    return resource_of(read_xml(body))


def resource_of(root: etree._Element) -> dict[str, Any]:
    """Return the resource that a root element is, consumed; raises as `parse_xml` for what is well-formed."""
    reader = _Reader()
    resource = reader.resource(root, _name(root, "The root element"), 1)
    if reader.issues:
        raise ParseFailed.of(reader.issues)
    return resource


class _Reader:
    """Reads elements into dicts; `depth` counts the levels the same content has as JSON, `issues` what was left out."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def resource(self, element: etree._Element, path: str, depth: int) -> dict[str, Any]:
        """Return the resource an element is."""
        type = _name(element, path)
        if not is_resource_type(type):
            raise _refused(element, path, "is not a resource of FHIR R4")
        content: dict[str, Any] = {"resourceType": type}
        self._attributes(element, {}, content, path)
        self._children(element, layout(type), content, path, depth)
        return content

    def complex(self, element: etree._Element, key: str, path: str, depth: int) -> dict[str, Any]:
        """Return the content of an element that has children of its own, or of a primitive's `_name` sibling."""
        content: dict[str, Any] = {}
        known = layout(key)
        self._attributes(element, known, content, path)
        self._children(element, known, content, path, depth)
        return content

    def _attributes(
        self, element: etree._Element, known: Mapping[str, Property], content: dict[str, Any], path: str
    ) -> None:
        if len(element.attrib) > _MAX_ATTRIBUTES:
            raise _refused(element, path, f"has more than {_MAX_ATTRIBUTES} attributes")
        for attribute, value in element.attrib.items():
            name = str(attribute)
            property = known.get(name)
            if property is not None and property.element.attribute:
                content[name] = _text(element, str(value), path, name)
            elif not name.startswith(_SCHEMA_INSTANCE):
                raise _refused(element, path, "has an attribute that FHIR does not know there")

    def _children(
        self,
        element: etree._Element,
        known: Mapping[str, Property],
        content: dict[str, Any],
        path: str,
        depth: int,
    ) -> None:
        if depth > MAX_DEPTH:
            raise _refused(element, path, f"nests deeper than {MAX_DEPTH} levels of JSON")
        _check_no_text(element, path)
        order, last = -1, ""
        for child in _elements(element):
            try:
                property = self._child(child, known, content, path, depth, order, last)
            except ParseFailed as refusal:
                if len(self.issues) >= _MAX_ISSUES:
                    raise
                self.issues += refusal.issues
                if len(self.issues) >= _MAX_ISSUES:
                    raise ParseFailed.of(self.issues) from None
            else:
                order, last = property.order, _name(child, path)

    def _child(
        self,
        child: etree._Element,
        known: Mapping[str, Property],
        content: dict[str, Any],
        path: str,
        depth: int,
        order: int,
        last: str,
    ) -> Property:
        """Read one child into `content`; `last` is the one before it, at place `order` of the standard's order."""
        name = _name(child, path)
        property = known.get(name)
        if property is None or property.element.attribute:
            raise _refused(child, path, f"has no element {name}" if name.isalnum() else "has an unknown element")
        here = f"{path}.{name}"
        if property.order < order:
            raise _refused(child, here, f"comes after {last}; FHIR XML has a fixed order of elements")
        if property.order == order and name != last:
            raise _refused(child, here, f"is a second choice beside {last}; send one of them")
        if property.repeats:
            self._repeating(child, property, content, here, depth + 2)
        elif name in content or f"_{name}" in content:
            raise _refused(child, here, "appears twice; it may appear once")
        else:
            self._single(child, property, content, here, depth + 1)
        return property

    def _single(
        self, child: etree._Element, property: Property, content: dict[str, Any], path: str, depth: int
    ) -> None:
        value, sibling = self._value(child, property, path, depth)
        if value is not None:
            content[property.name] = value
        if sibling is not None:
            content[f"_{property.name}"] = sibling

    def _repeating(
        self, child: etree._Element, property: Property, content: dict[str, Any], path: str, depth: int
    ) -> None:
        """Append to the array; a primitive's array and that of its siblings have the same length, or there is one."""
        name, under = property.name, f"_{property.name}"
        count = max(len(content.get(name, ())), len(content.get(under, ())))
        try:
            value, sibling = self._value(child, property, f"{path}[{count}]", depth)
        except ParseFailed:
            # Those that follow keep their numbers.
            content.setdefault(name, [None] * count).append(None)
            raise
        for key, item in ((name, value), (under, sibling)):
            if key in content:
                content[key].append(item)
            elif item is not None:
                content[key] = [None] * count + [item]

    def _value(self, child: etree._Element, property: Property, path: str, depth: int) -> tuple[Any, Any]:
        """Return the value of one element and, of a primitive, its `_name` sibling."""
        if property.kind == "primitive":
            return self._primitive(child, property.code, path, depth)
        if property.kind == "xhtml":
            return canonical(child, path), None
        if property.kind == "resource":
            return self._nested(child, path, depth), None
        before = len(self.issues)
        content = self.complex(child, property.inside, path, depth)
        if not content and len(self.issues) == before:
            raise _refused(child, path, "is empty; leave it out")
        return content, None

    def _nested(self, child: etree._Element, path: str, depth: int) -> dict[str, Any]:
        resources = _elements(child)
        if len(resources) != 1 or child.attrib:
            raise _refused(child, path, "must hold exactly one resource and no attribute")
        _check_no_text(child, path)
        return self.resource(resources[0], path, depth)

    def _primitive(self, child: etree._Element, code: str, path: str, depth: int) -> tuple[Any, Any]:
        value = child.get("value")
        found = None
        if value is not None:
            found = _primitive_value(child, value, code, path)
            del child.attrib["value"]
        before = len(self.issues)
        sibling = self.complex(child, "Element", path, depth) if child.attrib or len(child) or child.text else None
        if found is None and not sibling and len(self.issues) == before:
            raise _refused(child, path, "has neither a value nor an extension; leave it out")
        return found, sibling or None


def _elements(element: etree._Element) -> list[etree._Element]:
    """Return the children that are elements; comments may stand anywhere and mean nothing."""
    return [child for child in element if isinstance(child.tag, str)]


def _name(element: etree._Element, path: str) -> str:
    namespace, _, name = str(element.tag).rpartition("}")
    if namespace == "{" + FHIR or (namespace == "{http://www.w3.org/1999/xhtml" and name == "div"):
        return name
    raise _refused(element, path, f"is, or holds, an element that is not in the namespace {FHIR}")


def _refused(element: etree._Element, path: str, what: str) -> ParseFailed:
    line = f" (line {element.sourceline})" if element.sourceline else ""
    return ParseFailed(f"{path} {what}{line}.", expression=None if " " in path else path)


def _check_no_text(element: etree._Element, path: str) -> None:
    if (element.text and element.text.strip(_SPACE)) or any(
        child.tail and child.tail.strip(_SPACE) for child in element
    ):
        raise _refused(element, path, "holds text; FHIR XML writes values in the attribute value")


def _text(element: etree._Element, value: str, path: str, attribute: str) -> str:
    if not value:
        raise _refused(element, path, f"has an empty attribute {attribute}; leave it out")
    return value


def _primitive_value(element: etree._Element, text: str, code: str, path: str) -> Any:
    """Return the JSON value; white space around it counts in strings only, as in the types of XML Schema."""
    if code not in _KEEPS_SPACE:
        text = text.strip(_SPACE)
    _text(element, text, path, "value")
    if code == "boolean":
        if text not in ("true", "false"):
            raise _refused(element, path, "must be true or false")
        return text == "true"
    if code in _INTEGERS:
        if not _INTEGER.fullmatch(text) or len(text) > MAX_NUMBER:
            raise _refused(element, path, f"must be a whole number of at most {MAX_NUMBER} characters")
        return int(text)
    return _decimal(element, text, path) if code == "decimal" else text


def _decimal(element: etree._Element, text: str, path: str) -> int | Decimal:
    number = _DECIMAL.fullmatch(text)
    if number is None or not is_number(text):
        raise _refused(
            element,
            path,
            f"must be a decimal of at most {MAX_NUMBER} characters with an exponent between -{MAX_EXPONENT} and "
            f"{MAX_EXPONENT}",
        )
    return int(text) if number[1] is None and number[2] is None else Decimal(text)


def encode_xml(resource: Mapping[str, Any], *, pretty: bool = False) -> bytes:
    """Return the XML of a valid resource. Raises Unprocessable naming the element that FHIR does not define."""
    pieces = "".join(_resource(resource, str(resource.get("resourceType")), f' xmlns="{FHIR}"'))
    text = '<?xml version="1.0" encoding="UTF-8"?>' + pieces
    return _indented(text) if pretty else text.encode()


def _indented(text: str) -> bytes:
    root = read_xml(text.encode())
    _indent(root, "\n")
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"


def _indent(element: etree._Element, margin: str) -> None:
    """Put each child on a line of its own, except within the narrative, whose white space is its own."""
    if not len(element) or _is_xhtml(element):
        return
    element.text = margin + "  "
    for child in element:
        _indent(child, margin + "  ")
        child.tail = margin + "  "
    element[-1].tail = margin


def _is_xhtml(element: etree._Element) -> bool:
    return not str(element.tag).startswith(f"{{{FHIR}}}")


def _resource(resource: Mapping[str, Any], path: str, namespace: str = "") -> Iterator[str]:
    type = resource.get("resourceType")
    if not isinstance(type, str) or not is_resource_type(type):
        raise _unknown(path, "is not a resource of FHIR R4")
    content = {name: value for name, value in resource.items() if name != "resourceType"}
    yield from _element(type, content, type, path, namespace)


def _element(name: str, content: Mapping[str, Any], key: str, path: str, start: str = "") -> Iterator[str]:
    """Yield one element with attributes and children; `start` are attributes it has already."""
    known = layout(key)
    children = []
    yield f"<{name}{start}"
    for each in sorted({n.removeprefix("_") for n in content}, key=lambda n: _order(known, n, path)):
        property = known[each]
        if property.element.attribute:
            yield f' {each}="{_escaped(content.get(each), path)}"'
        else:
            children.append(property)
    if not children:
        yield "/>"
        return
    yield ">"
    for property in children:
        yield from _property(property, content, f"{path}.{property.name}")
    yield f"</{name}>"


def _order(known: Mapping[str, Property], name: str, path: str) -> int:
    if name not in known:
        raise _unknown(f"{path}.{name}", "is not an element of FHIR R4")
    return known[name].order


def _property(property: Property, content: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield the elements of one property, paired with what its `_name` sibling says of each."""
    value, sibling = content.get(property.name), content.get(f"_{property.name}")
    if not property.repeats:
        yield from _item(property, value, sibling, path)
        return
    if not isinstance(value, list | None) or not isinstance(sibling, list | None):
        raise _unknown(path, "must be an array")
    values, siblings = value or [], sibling or []
    for index in range(max(len(values), len(siblings))):
        one = values[index] if index < len(values) else None
        other = siblings[index] if index < len(siblings) else None
        yield from _item(property, one, other, f"{path}[{index}]")


def _item(property: Property, value: Any, sibling: Any, path: str) -> Iterator[str]:
    name = property.name
    if property.kind == "primitive":
        start = "" if value is None else f' value="{_escaped(value, path)}"'
        yield from _element(name, _object(sibling or {}, path), "Element", path, start)
        return
    if sibling is not None:
        raise _unknown(path, "is no primitive, so it has no sibling with an underscore")
    if property.kind == "xhtml":
        yield xhtml(str(value), path)
    elif property.kind == "resource":
        yield f"<{name}>"
        yield from _resource(_object(value, path), path)
        yield f"</{name}>"
    else:
        yield from _element(name, _object(value, path), property.inside, path)


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _unknown(path, "must be an object")
    return value


def _escaped(value: Any, path: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if not isinstance(value, str) or _FORBIDDEN.search(value):
        raise _unknown(path, "must be a string, number or boolean that XML can carry")
    return value.translate(_ESCAPES)


def _unknown(path: str, what: str) -> Unprocessable:
    return Unprocessable(f"{path} {what}, so there is no XML for it.", expression=path, code="structure")
