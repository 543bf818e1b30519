"""Any resource that the definitions allow is the same after a journey through XML."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from fhir_server.model.fhir_json import encode, parse
from fhir_server.model.fhir_xml import encode_xml, parse_xml
from fhir_server.model.layout import RESOURCE, Property, layout
from profiles.definitions import resource_types

TEXTS = ("a", " a ", "é€😀", "<&>\"'", "a\nb\tc\rd", "]]>", "&amp;", "\u00a0", "\u2028", "0")
PRIMITIVES: dict[str, tuple[Any, ...]] = {
    "boolean": (True, False),
    "integer": (0, -1, 2147483647),
    "positiveInt": (1, 7),
    "unsignedInt": (0, 7),
    "decimal": tuple(
        parse(t) for t in (b"1.10", b"0.00", b"-0.0", b"5", b"1E-7", b"2.50E+10", b"123456789012345678.90")
    ),
    "string": TEXTS,
    "markdown": TEXTS,
}
DIVS = (
    "",
    "a",
    "<p>a</p>",
    "<br/>",
    "a <b>b</b> c<!-- d --><i></i>",
    '<a href="x?a=b&amp;c=d" title="&quot;&lt;">e</a>',
)
XHTML = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


class Generator:
    """Makes resources that are hard cases: everything may repeat, be absent, or have only an extension."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.left = 60

    def resource(self, depth: int) -> dict[str, Any]:
        """Return a resource of any type."""
        type = self.random.choice(resource_types())
        return {"resourceType": type, **self.object(type, depth)}

    def object(self, key: str, depth: int) -> dict[str, Any]:
        """Return the content of one object, never empty unless the budget is used up."""
        known = list(layout(key).values())
        chosen = {self.random.choice(known).element.name for _ in range(self.random.randint(1, 4))}
        content: dict[str, Any] = {}
        for name in sorted(chosen):
            property = self.random.choice([each for each in known if each.element.name == name])
            if self.left > 0 and (depth > 0 or property.kind == "primitive"):
                self.left -= 1
                content.update(self.property(property, depth - 1))
        if not content and "extension" in layout(key):
            content["extension"] = [{"url": "http://x", "valueBoolean": self.random.random() < 0.5}]
        return content

    def property(self, property: Property, depth: int) -> dict[str, Any]:
        """Return one property, with its sibling where it is a primitive that has one."""
        name, count = property.name, self.random.randint(1, 3) if property.repeats else 1
        if property.kind != "primitive":
            items = [self.item(property, depth) for _ in range(count)]
            items = [each for each in items if each]
            return {name: items if property.repeats else items[0]} if items else {}
        values = [self.primitive(property.code) for _ in range(count)]
        if property.element.attribute:
            return {name: str(values[0]).strip() or "a"}
        siblings: list[Any] = [None] * count
        for at in range(count):
            if self.random.random() < 0.3:
                siblings[at] = {"id": "s"} if depth < 1 else self.object("Element", 1)
                values[at] = None if self.random.random() < 0.5 else values[at]
        pairs = {name: values, f"_{name}": siblings}
        pairs = {key: each for key, each in pairs.items() if any(one is not None for one in each)}
        return pairs if property.repeats else {key: each[0] for key, each in pairs.items()}

    def item(self, property: Property, depth: int) -> Any:
        """Return one value that is no primitive."""
        if property.kind == "xhtml":
            return XHTML.format(self.random.choice(DIVS))
        if property.inside == RESOURCE:
            return self.resource(min(depth, 2))
        return self.object(property.inside, depth)

    def primitive(self, code: str) -> Any:
        """Return a value of a primitive type."""
        return self.random.choice(PRIMITIVES.get(code, ("x", "2020-01-01", "http://example.org/?a=b&c=d")))


def exact(value: Any) -> Any:
    """Return a value with numbers told apart to the digit and narratives as canonical XML."""
    if isinstance(value, dict):
        return {name: canonical(each) if name == "div" else exact(each) for name, each in value.items()}
    if isinstance(value, list):
        return [exact(each) for each in value]
    return (type(value), value.as_tuple() if isinstance(value, Decimal) else value)


def canonical(div: str) -> bytes:
    return bytes(etree.tostring(etree.fromstring(div), method="c14n2"))


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_json_to_xml_to_json(random: Random) -> None:
    resource = parse(encode(Generator(random).resource(4)))
    for pretty in (False, True):
        again = parse_xml(encode_xml(resource, pretty=pretty))
        assert exact(again) == exact(resource)
    assert encode_xml(again) == encode_xml(resource)
    # What XML gave is JSON like any other: nothing is lost by storing it.
    assert exact(parse(encode(again))) == exact(resource)
