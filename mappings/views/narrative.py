"""Plain text as the XHTML of a narrative, and the other way round (http://hl7.org/fhir/R4/narrative.html).

The way there loses blanks as a browser does; the text as it was written is kept beside it. The way back is for
narratives that others have written: blocks become lines, items of lists get a dash, cells of a row a tab.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from lxml import etree

from mappings.paths.path import Json
from profiles.datatypes.narrative import XHTML

_LINE_END = re.compile("\r\n|\r|\n")
_BLANKS = re.compile("[ \t\r\n]+")
_NAMES = "address blockquote caption center dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre table tr ul"
_BLOCKS = frozenset(_NAMES.split())
_MARKUP = re.compile("<[^>]*>")


def narrative(text: str) -> Json:
    """Return the Narrative, generated, that shows a text line by line."""
    lines = [escape(line, quote=False) for line in _LINE_END.split(text)]
    return {"status": "generated", "div": f'<div xmlns="{XHTML}">{"<br/>".join(lines)}</div>'}


def text_of(div: str) -> str:
    """Return what a reader sees of the XHTML of a narrative, "" for nothing."""
    try:
        root = etree.fromstring(div.encode(), etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return _tidied(_MARKUP.sub(" ", div))
    return _tidied("".join(_pieces(root, False)))


def _pieces(node: Any, kept: bool) -> Iterator[str]:
    """Yield the text of an element; `kept` says that its blanks count."""
    if not isinstance(node.tag, str):
        return
    name = etree.QName(node).localname
    inside = kept or name == "pre"
    if name == "br" or name in _BLOCKS:
        yield "\n"
    if name == "li":
        yield "- "
    yield _text(node.text, inside)
    for child in node:
        yield from _pieces(child, inside)
        yield _text(child.tail, inside)
    if name in ("td", "th"):
        yield "\t"
    elif name in _BLOCKS:
        yield "\n"


def _text(text: str | None, kept: bool) -> str:
    return (text or "") if kept else _BLANKS.sub(" ", text or "")


def _tidied(text: str) -> str:
    """Return the text without blank ends of lines and without more than one empty line in a row."""
    lines = "\n".join(line.strip(" \t") for line in text.split("\n"))
    return re.sub("\n{2,}", "\n", lines).strip("\n")
