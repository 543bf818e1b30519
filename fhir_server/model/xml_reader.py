"""XML from outside, read without its dangers: no document type, no entities, no other encoding, no network.

An XML Inclusion is an element like any other here: it is never followed, and the reader of FHIR refuses it as unknown.
"""

from __future__ import annotations

import re

from lxml import etree

from fhir_server.errors import ParseFailed

_UTF8_MARK = b"\xef\xbb\xbf"
_DECLARED = re.compile(rb"""\A<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._\-]*)["']""")
_SPACES = re.compile(rb"[ \t\r\n]*")


def read_xml(body: bytes, path: str = "") -> etree._Element:
    """Return the root element of `body`, processing instructions removed; comments are left to the caller.

    Raises ParseFailed with the line when it is not well-formed UTF-8 XML or has a document type declaration; `path`
    says which element holds the XML, "" for a whole body.
    """
    where = path or "The body"
    if body.startswith(_UTF8_MARK):
        body = body[len(_UTF8_MARK) :]
    _check_encoding(body, where)
    if _has_document_type(body):
        raise ParseFailed(
            f"{where} has a DOCTYPE; FHIR XML has none, and entities are not read. Remove it.", expression=path or None
        )
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        line = f" at line {error.lineno} column {error.offset}" if error.lineno and not path else ""
        raise ParseFailed(f"{where} is not well-formed XML: {_reason(error)}{line}.", expression=path or None) from None


def _check_encoding(body: bytes, where: str) -> None:
    declared = _DECLARED.match(body)
    if b"\x00" in body[:4] or body.startswith((b"\xff\xfe", b"\xfe\xff")):
        name = "another encoding"
    elif declared and declared[1].lower() not in (b"utf-8", b"us-ascii", b"ascii"):
        name = declared[1].decode()
    elif not _is_utf8(body):
        name = "another encoding"
    else:
        return
    raise ParseFailed(f"{where} is in {name}; FHIR XML is always UTF-8, so send it in that encoding.")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_document_type(body: bytes) -> bool:
    """Look at what precedes the root element, the only place where a DOCTYPE can be."""
    at = 0
    while True:
        space = _SPACES.match(body, at)
        at = space.end() if space else at
        if body.startswith(b"<!--", at):
            end = body.find(b"-->", at + 4)
        elif body.startswith(b"<?", at):
            end = body.find(b"?>", at + 2)
        else:
            return body[at : at + 9].upper() == b"<!DOCTYPE"
        if end < 0:
            return False
        at = end + 2 if body.startswith(b"?>", end) else end + 3


def _reason(error: etree.XMLSyntaxError) -> str:
    """Return what is wrong in words of our own: the parser's message may quote content."""
    codes = etree.ErrorTypes
    reasons = {
        codes.ERR_DOCUMENT_EMPTY: "it is empty or does not begin with an element",
        codes.ERR_DOCUMENT_END: "something follows the root element",
        codes.ERR_TAG_NAME_MISMATCH: "a start tag and an end tag do not match",
        codes.ERR_TAG_NOT_FINISHED: "it ends before its elements do",
        codes.ERR_UNDECLARED_ENTITY: "it uses an entity; write the character itself",
        codes.WAR_UNDECLARED_ENTITY: "it uses an entity; write the character itself",
        codes.ERR_ATTRIBUTE_REDEFINED: "an attribute appears twice",
        codes.ERR_INVALID_CHAR: "it holds a character that XML does not allow",
        codes.ERR_INVALID_CHARREF: "it holds a character that XML does not allow",
        codes.NS_ERR_UNDEFINED_NAMESPACE: "a namespace prefix is not declared",
        codes.ERR_INVALID_ENCODING: "the bytes are not UTF-8",
    }
    if "depth" in (error.msg or "").lower():
        return "its elements nest too deep"
    return reasons.get(getattr(error, "code", 0), "it breaks the grammar of XML")
