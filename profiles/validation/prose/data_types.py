"""Codes, units, identifiers, attachments and canonicals: what the pages of the data types say of their content.

http://hl7.org/fhir/R4/datatypes.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha1
from typing import Any

from profiles.datatypes import ucum
from profiles.definitions import code_systems, value_sets
from profiles.terminology import code_system
from profiles.validation.prose.finding import Finding, Json, lenient

R4 = "http://hl7.org/fhir/"
UCUM = "http://unitsofmeasure.org"
URI = "urn:ietf:rfc:3986"
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s]*")
_URNS = {
    "urn:oid:": re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+"),
    "urn:uuid:": re.compile(r"urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
}
LEAST_YEAR = "1900"
"""The first year of dates that nobody wonders about: earlier ones are nearly always slips of the pen."""
MAX_DATA = 1_000_000
"""Characters of base64 up to which an attachment's size and hash are compared with its data."""


def coding(value: Json) -> Iterator[Finding]:
    """Check the system of a Coding, and the code where the system is one that R4 itself defines."""
    system, code = value.get("system"), value.get("code")
    if system.__class__ is not str:
        return
    if system.startswith(R4):
        if isinstance(code, str) and code not in (codes_of(system) or (code,)):
            yield Finding("code-invalid", "code", f"is not a code of {system}; use one that the system has")
        elif system in value_sets() and system not in code_systems():
            yield lenient("value", "system", "names a value set; name the code system that the code is from")
    elif ":" not in system:
        yield lenient("value", "system", "is relative; give the absolute address of the code system")


@cache
def codes_of(system: str) -> frozenset[str] | None:
    """Return the codes of a code system that R4 defines completely, None for any other."""
    if system not in code_systems():
        return None
    found = code_system.of_r4(system)
    return frozenset(found.concepts) if found is not None and found.complete else None


def quantity(value: Json) -> Iterator[Finding]:
    """Check that a unit in UCUM is one."""
    if value.get("system") == UCUM:
        code = value.get("code")
        if isinstance(code, str) and not ucum.is_unit(code):
            yield lenient("code-invalid", "code", "is no unit of UCUM; write it as UCUM does, such as mg, cm or mm[Hg]")


def identifier(value: Json) -> Iterator[Finding]:
    """Check that a system is absolute, and that a value which is a URI is one."""
    system, text = value.get("system"), value.get("value")
    if system.__class__ is not str:
        return
    if ":" not in system:
        yield lenient("value", "system", "is relative; give the absolute address of what the value is unique in")
    elif system == URI and isinstance(text, str):
        if not _ABSOLUTE.fullmatch(text):
            yield lenient("value", "value", f"must be an absolute URI, for the system is {URI}; write urn:oid:..., say")
        yield from _urn(text)


def _urn(text: str) -> Iterator[Finding]:
    for prefix, form in _URNS.items():
        if text.startswith(prefix) and not form.fullmatch(text):
            yield Finding("value", "value", f"begins with {prefix}, but what follows is none; correct it", "warning")


def attachment(value: Json) -> Iterator[Finding]:
    """Compare the size and the hash of an Attachment with the data beside them."""
    data, size, stated = value.get("data"), value.get("size"), value.get("hash")
    if not isinstance(data, str) or len(data) > MAX_DATA or (size is None and stated is None):
        return
    try:
        content = base64.b64decode("".join(data.split()), validate=True)
    except (ValueError, binascii.Error):
        return
    if isinstance(size, int) and size != len(content):
        yield lenient("value", "size", f"says {size}, but the data has {len(content)} bytes; correct one of them")
    if isinstance(stated, str) and _bytes(stated) != sha1(content, usedforsecurity=False).digest():
        yield Finding("value", "hash", "is not the SHA-1 of the data; correct or leave it out", "warning")


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None


def canonical(value: Any) -> Iterator[Finding]:
    """Check that a canonical is absolute, unless it names something inside the resource."""
    if value.__class__ is str and ":" not in value and not value.startswith("#"):
        yield lenient("value", "", "is relative; a canonical is the absolute address of a definition, or #id inside")


def date(value: Any) -> Iterator[Finding]:
    """Check that a date, dateTime or instant is of a time in which records of health are likely."""
    if value.__class__ is str and value < LEAST_YEAR:
        what = f"is before {LEAST_YEAR}, which is rarely meant; check the year"
        yield Finding("value", "", what, "warning")


def _sure_coding(value: Json) -> bool:
    system = value.get("system")
    return system is None or (system.__class__ is str and ":" in system and not system.startswith(R4))


def _sure_quantity(value: Json) -> bool:
    return value.get("system") != UCUM or ucum.is_unit(str(value.get("code", "1")))


def _sure_identifier(value: Json) -> bool:
    system = value.get("system")
    return system is None or (system.__class__ is str and ":" in system and system != URI)


SURE: dict[str, Callable[[Any], bool]] = {
    "Coding": _sure_coding,
    "Quantity": _sure_quantity,
    "Identifier": _sure_identifier,
    "canonical": lambda value: value.__class__ is str and ":" in value,
    **dict.fromkeys(("date", "dateTime", "instant"), lambda value: value.__class__ is str and value >= LEAST_YEAR),
}
"""Type -> whether nothing is wrong for sure, told quickly."""
