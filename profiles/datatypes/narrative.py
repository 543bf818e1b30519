"""FHIR's own rule for the XHTML of a narrative, txt-1 and txt-2, and the refusal of what could run in a browser.

Allowed are the formatting elements and attributes of R4's definition of `Narrative.div`. Scripts, event handlers and
`javascript:` addresses fall to that list or to the checks here; relative links and images are legal
(http://hl7.org/fhir/R4/narrative.html#xhtml).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from lxml import etree

XHTML = "http://www.w3.org/1999/xhtml"
_ELEMENTS = """
    a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img
    li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var
"""
ELEMENTS = frozenset(_ELEMENTS.split())
_ATTRIBUTES = """
    abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset
    cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev
    rowspan rules scope shape span src start style summary tabindex title type valign value vspace width
"""
ATTRIBUTES = frozenset(_ATTRIBUTES.split()) | {"{http://www.w3.org/XML/1998/namespace}lang"}
_ADDRESSES = frozenset({"href", "src", "cite", "longdesc"})
_RUNNING_SCHEMES = ("javascript:", "vbscript:", "livescript:", "data:")
_RUNNING_STYLES = ("expression(", "javascript:", "vbscript:", "-moz-binding", "behavior:", "@import", "data:text")
_MAX_STYLE = 4096
_MAX_FINDINGS = 100
_MAX_ATTRIBUTES = 2_000
"""The parser compares each attribute of an element with each other."""
_ATTRIBUTE = re.compile("=[ \t\r\n]*[\"']")
_UNSEEN = re.compile("[\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028\u2029\ufeff]+")
_STYLE_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STYLE_ESCAPE = re.compile(r"\\([0-9A-Fa-f]{1,6})\s?|\\(.)", re.DOTALL)
_QUOTABLE = re.compile(r"[A-Za-z][A-Za-z0-9:_\-]{0,30}")
# Narratives without nesting are told to be right without a parse: text, and elements that hold nothing but text.
_TEXT = "[^<>&\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]*"
_FLAT = re.compile(
    f'<div xmlns="{XHTML}">{_TEXT}'
    f'(?:(?:<br/>|<(p|b|i|h[1-6]|em|strong|span|pre|code)>{_TEXT}</\\1>|<a href="https?://[A-Za-z0-9./_-]*">{_TEXT}</a>)'
    f"{_TEXT})*</div>"
)
_MARKUP = re.compile("<[^>]*>")


def narrative_findings(div: str) -> list[str]:
    """Return what is wrong with the XHTML text of a `Narrative.div`, [] when it is right.

    Each finding completes the sentence "Patient.text.div ...". None of them repeats text of the narrative.
    """
    if _FLAT.fullmatch(div) and _MARKUP.sub("", div).strip(" \t\r\n"):
        return []
    root = _parse(div)
    if isinstance(root, str):
        return [root]
    if root.tag != f"{{{XHTML}}}div":
        return [f'must be one <div> element in the namespace {XHTML}: <div xmlns="{XHTML}">...</div>']
    every = (finding for node in root.iter() for finding in _findings(node))
    found = dict.fromkeys(islice(every, _MAX_FINDINGS))
    if not _has_content(root):
        found["must have some text or an image with a src (txt-2)"] = None
    return list(found)


@cache
def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, recover=False)


def _parse(div: str) -> Any:
    """Return the root element, or the finding that there is none."""
    text = div.strip(" \t\r\n")
    if "<!DOCTYPE" in text or text.startswith("<?xml"):
        return "must be the <div> alone, without document type and without XML declaration"
    pieces = (piece for piece in text.split("<") if len(piece) > _MAX_ATTRIBUTES)
    if any(len(_ATTRIBUTE.findall(piece)) > _MAX_ATTRIBUTES for piece in pieces):
        return f"must not have elements with more than {_MAX_ATTRIBUTES:,} attributes"
    try:
        return etree.fromstring(text.encode(), _parser())
    except etree.XMLSyntaxError as error:
        if "Entity '" in str(error):
            return "uses an HTML entity such as &nbsp;, which XML does not have; write the character itself or &#160;"
        return f"must be well-formed XHTML; the parser stopped at line {error.lineno}, column {error.offset} of it"
    except UnicodeEncodeError:
        return "must be well-formed XHTML; it holds half of a surrogate pair"


def _findings(node: Any) -> Iterator[str]:
    if node.tag is etree.Comment:
        return
    if not isinstance(node.tag, str):
        yield "must not hold processing instructions or entity references"
        return
    namespace, _, name = node.tag.rpartition("}")
    if namespace != f"{{{XHTML}":
        yield f"must only hold elements of the namespace {XHTML}"
        return
    if name not in ELEMENTS:
        yield f"must not hold {_named(name, '<{}>')}: only formatting elements, no scripts, forms or frames (txt-1)"
    for attribute, value in node.attrib.items():
        if attribute not in ATTRIBUTES:
            what = _named(attribute, "the attribute {!r}")
            yield f"must not use {what}: only formatting attributes, no event handlers (txt-1)"
        elif attribute in _ADDRESSES and _runs(value, name == "img" and attribute == "src"):
            yield f"must not have an address in {attribute!r} that runs code (javascript:, vbscript:, data:)"
        elif attribute == "style" and _style_runs(value):
            yield "must not have a style that runs or loads code (expression(), javascript:, @import) or is overlong"


def _named(name: str, how: str) -> str:
    return how.format(name) if _QUOTABLE.fullmatch(name) else "a name unknown to XHTML"


def _runs(address: str, image: bool) -> bool:
    # Browsers drop blanks and control characters before they look at the scheme, so they must not hide it here.
    bare = _UNSEEN.sub("", address)[:32].lower()
    return bare.startswith(_RUNNING_SCHEMES) and not (image and bare.startswith("data:image/"))


def _style_runs(style: str) -> bool:
    if len(style) > _MAX_STYLE:
        return True
    plain = _STYLE_ESCAPE.sub(_unescaped, _STYLE_COMMENT.sub("", style))
    bare = _UNSEEN.sub("", plain).lower()
    return any(needle in bare for needle in _RUNNING_STYLES)


def _unescaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return str(match[2])
    code = int(match[1], 16)
    return chr(code) if code < 0x110000 else "?"


def _has_content(root: Any) -> bool:
    if any(node.get("src") for node in root.iter(f"{{{XHTML}}}img")):
        return True
    return any(text.strip(" \t\r\n") for node in root.iter() for text in _texts(node))


def _texts(node: Any) -> Iterator[str]:
    """Yield the text inside and after `node`, of comments only what comes after."""
    if isinstance(node.tag, str) and node.text:
        yield node.text
    if node.tail:
        yield node.tail
