"""The narrative's `div`: a string of XHTML in JSON, elements of their own namespace in XML.

Both directions go through `canonical`, so that only well-formed XHTML leaves: namespace declared once on the `div`,
attributes and comments as they are, declarations gone, elements without content closed as HTML wants them.
http://hl7.org/fhir/R4/narrative.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5

from lxml import etree

from fhir_server.errors import ParseFailed
from fhir_server.model.xml_reader import read_xml

XHTML = "http://www.w3.org/1999/xhtml"
_XML = "http://www.w3.org/XML/1998/namespace"
_DIV = f"{{{XHTML}}}div"
_VOID = frozenset(("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "param"))
_MAX_ATTRIBUTES = 64  # lxml walks attributes in quadratic time
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"}
)
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_KNOWN = frozenset(("amp", "lt", "gt", "quot", "apos"))


def canonical(div: etree._Element, path: str) -> str:
    """Return the XHTML of `div` as FHIR JSON holds it. Raises ParseFailed naming `path` for foreign content."""
    if div.tag != _DIV:
        raise ParseFailed(f"{path} must be a div in the namespace {XHTML}.", expression=path)
    return "".join(_pieces(div, path, f' xmlns="{XHTML}"'))


def xhtml(text: str, path: str) -> str:
    """Return the `div` of a JSON resource ready to stand in XML. Raises ParseFailed when it is not well-formed."""
    named = _NAMED.sub(_character, text)
    if f'"{XHTML}"' not in named and f"'{XHTML}'" not in named:
        named = re.sub(r"\A\s*<div(?=[\s>/])", f'<div xmlns="{XHTML}"', named, count=1)
    return canonical(read_xml(named.encode(), path), path)


def _character(match: re.Match[str]) -> str:
    """XML knows five names of characters, HTML many; JSON from elsewhere may use all of them."""
    return match[0] if match[1] in _KNOWN else html5.get(match[1] + ";", match[0])


def _pieces(element: etree._Element, path: str, namespace: str = "") -> Iterator[str]:
    if isinstance(element, etree._Comment):
        yield f"<!--{element.text or ''}-->"
        return
    name = _local(element.tag, path)
    yield f"<{name}{namespace}"
    if len(element.attrib) > _MAX_ATTRIBUTES:
        raise ParseFailed(f"{path} has an element with more than {_MAX_ATTRIBUTES} attributes.", expression=path)
    for attribute, value in element.attrib.items():
        yield f' {_attribute_name(str(attribute), path)}="{str(value).translate(_ATTRIBUTE)}"'
    if name in _VOID and not len(element) and not element.text:
        yield "/>"
        return
    yield ">"
    yield (element.text or "").translate(_TEXT)
    for child in element:
        yield from _pieces(child, path)
        yield (child.tail or "").translate(_TEXT)
    yield f"</{name}>"


def _local(tag: object, path: str) -> str:
    namespace, _, name = str(tag).rpartition("}")
    if namespace != "{" + XHTML:
        raise ParseFailed(f"{path} holds an element outside the namespace {XHTML}; remove it.", expression=path)
    return name


def _attribute_name(name: str, path: str) -> str:
    if name.startswith(f"{{{_XML}}}"):
        return "xml:" + name.rpartition("}")[2]
    if name.startswith("{"):
        raise ParseFailed(f"{path} holds an attribute of a foreign namespace; remove it.", expression=path)
    return name
