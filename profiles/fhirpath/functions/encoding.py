"""encode, decode, escape and unescape (http://hl7.org/fhirpath/#additional-string-functions)."""

from __future__ import annotations

import base64
import binascii
import html
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from profiles.fhirpath.call import values_rule
from profiles.fhirpath.errors import FhirPathTypeError

TEXT = (str,)
Way = TypeVar("Way")
_WEB = str.maketrans("-_", "+/")


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode("ascii")


ENCODINGS: dict[str, Callable[[str], str]] = {
    "hex": lambda text: text.encode().hex(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "urlbase64": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "ascii": _ascii,
}
DECODINGS: dict[str, Callable[[str], bytes]] = {
    "hex": bytes.fromhex,
    "base64": lambda text: base64.b64decode(text, validate=True),
    "urlbase64": lambda text: base64.b64decode(text.translate(_WEB), validate=True),
}


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]


def _of_json(text: str) -> str | None:
    try:
        found: str = msgspec.json.decode(f'"{text}"', type=str)
    except msgspec.DecodeError:
        return None
    return found


ESCAPES: dict[str, Callable[[str], str]] = {"html": lambda text: html.escape(text, quote=True), "json": _json}
UNESCAPES: dict[str, Callable[[str], str | None]] = {"html": html.unescape, "json": _of_json}


def _named(known: Mapping[str, Way], name: str, function: str) -> Way:
    found = known.get(name)
    if found is None:
        raise FhirPathTypeError(f"{function}() knows {', '.join(known)}, not {name[:40]!r}")
    return found


def _decode(text: str, name: str) -> str | None:
    decode = _named(DECODINGS, name, "decode")
    try:
        return decode(text).decode()
    except (ValueError, binascii.Error):
        return None


RULES = {
    "encode": values_rule(lambda text, name: _named(ENCODINGS, name, "encode")(text), TEXT, TEXT),
    "decode": values_rule(_decode, TEXT, TEXT),
    "escape": values_rule(lambda text, name: _named(ESCAPES, name, "escape")(text), TEXT, TEXT),
    "unescape": values_rule(lambda text, name: _named(UNESCAPES, name, "unescape")(text), TEXT, TEXT),
}
