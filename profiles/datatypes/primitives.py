"""The lexical rules of R4's primitive types, as regular expressions and as the one check of a single value.

The expressions mean the same in Rust's `regex` crate and in Python's `re`: no look-around and none of the classes
whose meaning differs between engines (blanks, digits, word characters), so the compiled schema and the checks here
cannot disagree. Calendar dates are real ones: 30 February is refused, 29 February only lives in leap years
(http://hl7.org/fhir/R4/datatypes.html#primitive).
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import Any

MAX_STRING = 1024 * 1024
MIN_INTEGER, MAX_INTEGER = -(2**31), 2**31 - 1

YEAR = "(?:[0-9](?:[0-9](?:[0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
MONTH = "(?:0[1-9]|1[0-2])"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAY_OF_ANY_YEAR = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
DAY = f"(?:{YEAR}-{_DAY_OF_ANY_YEAR}|{_LEAP_YEAR}-02-29)"
TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
ZONE = r"(?:Z|[+\-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
ID = r"[A-Za-z0-9.\-]{1,64}"
_WORD = r"[^\x00-\x20]+"
_BLANK = r"[ \t\r\n]"
_TEXT = rf"{_BLANK}*[^\x00-\x20][^\x00-\x08\x0b\x0c\x0e-\x1f]*"
_BASE64 = f"(?:[A-Za-z0-9+/]{_BLANK}*)"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
OID = r"[0-2](?:\.(?:0|[1-9][0-9]*))+"

PATTERNS: dict[str, str] = {
    "base64Binary": f"{_BLANK}*(?:{_BASE64}{{4}})*"
    f"(?:{_BASE64}{{4}}|{_BASE64}{{2}}={_BLANK}*=|{_BASE64}{{3}}=){_BLANK}*",
    "canonical": _WORD,
    "code": rf"{_WORD}(?:{_BLANK}{_WORD})*",
    "date": f"{DAY}|{YEAR}(?:-{MONTH})?",
    "dateTime": f"{DAY}(?:T{TIME}{ZONE})?|{YEAR}(?:-{MONTH})?",
    "id": ID,
    "instant": f"{DAY}T{TIME}{ZONE}",
    "markdown": _TEXT,
    "oid": f"urn:oid:{OID}",
    "string": _TEXT,
    "time": TIME,
    "uri": _WORD,
    "url": _WORD,
    "uuid": f"urn:uuid:{UUID}",
    "xhtml": _TEXT,
}
"""Primitive type -> expression its whole JSON string matches. Numbers and booleans are not here."""

INTEGER_RANGES: dict[str, tuple[int, int]] = {
    "integer": (MIN_INTEGER, MAX_INTEGER),
    "positiveInt": (1, MAX_INTEGER),
    "unsignedInt": (0, MAX_INTEGER),
}
"""Integer type -> smallest and largest value."""

LIMITED = frozenset({"string", "markdown"})
"""Types limited to MAX_STRING characters."""

_RULES: dict[str, str] = {
    "base64Binary": "base64 text with correct padding (A-Z, a-z, 0-9, +, / and =)",
    "canonical": "an address without blanks, such as http://example.org/ValueSet/a|1.0",
    "code": "a code without blanks at its ends and without double blanks",
    "date": "a real calendar date written YYYY, YYYY-MM or YYYY-MM-DD, without a time",
    "dateTime": "a real calendar date written YYYY, YYYY-MM or YYYY-MM-DD, or with time and zone as in "
    "2024-02-29T13:28:17Z or 2024-02-29T13:28:17+02:00",
    "id": "1 to 64 letters, digits, '-' and '.'",
    "instant": "a real point in time with seconds and zone, as in 2024-02-29T13:28:17.239+02:00",
    "markdown": "text that is not blank and has no control characters",
    "oid": "an OID written as urn:oid:1.2.3",
    "string": "text that is not blank and has no control characters (leave the element out when it is empty)",
    "time": "a time of day with seconds and without zone, as in 13:28:17",
    "uri": "an address without blanks that is not empty",
    "url": "an address without blanks that is not empty",
    "uuid": "a UUID in lower case written as urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "xhtml": "XHTML text",
}

_KINDS: dict[type, str] = {
    bool: "a boolean",
    int: "a number",
    Decimal: "a decimal number",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


@cache
def _matcher(type_name: str) -> re.Pattern[str]:
    return re.compile(PATTERNS[type_name])


def matches(type_name: str, text: str) -> bool:
    """Return whether the whole of `text` follows the lexical rule of the string-like primitive `type_name`."""
    if type_name == "base64Binary":
        # The general expression walks every character in Python's engine; attachments are megabytes long.
        packed = text.translate(_DROP_BLANKS)
        return bool(packed) and len(packed) % 4 == 0 and _PACKED_BASE64.fullmatch(packed) is not None
    return _matcher(type_name).fullmatch(text) is not None


_DROP_BLANKS = {ord(blank): None for blank in " \t\r\n"}
_PACKED_BASE64 = re.compile("[A-Za-z0-9+/]+={0,2}")


def kind(value: Any) -> str:
    """Return what JSON kind `value` is, in words (`a string`)."""
    return _KINDS.get(type(value), "something that JSON has no name for")


def is_integer(value: Any) -> bool:
    """Return whether parsed JSON `value` was written as an integer: 1, never 1.0, 1e0 or true."""
    if isinstance(value, Decimal):
        return str(value).removeprefix("-").isdigit()
    return isinstance(value, int) and not isinstance(value, bool)


def has_kind(type_name: str, value: Any) -> bool:
    """Return whether parsed JSON `value` is of the JSON kind that the primitive `type_name` has, right or not."""
    if type_name == "boolean":
        return isinstance(value, bool)
    if type_name == "decimal":
        return isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return is_integer(value) if type_name in INTEGER_RANGES else isinstance(value, str)


def primitive_fault(type_name: str, value: Any) -> str | None:
    """Return what is wrong with `value` (parsed JSON) as the primitive `type_name`, None when it is right.

    The answer completes the sentence "Patient.birthDate ..." and never repeats the value.
    """
    if not has_kind(type_name, value):
        return _kind_fault(type_name, value)
    if type_name == "decimal":
        finite = not isinstance(value, Decimal) or value.is_finite()
        return None if finite else "must be a finite number (decimal)"
    if type_name in INTEGER_RANGES:
        low, high = INTEGER_RANGES[type_name]
        return None if low <= value <= high else f"must be between {low} and {high} (type {type_name})"
    if type_name in LIMITED and len(value) > MAX_STRING:
        return f"must not be longer than {MAX_STRING:,} characters; keep large content in an Attachment or a Binary"
    if type_name != "boolean" and not matches(type_name, value):
        return f"must be {_RULES[type_name]} (type {type_name})"
    return None


def _kind_fault(type_name: str, value: Any) -> str:
    if type_name == "boolean":
        return f"must be true or false without quotes, but is {kind(value)}"
    if type_name == "decimal":
        return f"must be a JSON number (decimal), but is {kind(value)}"
    if type_name in INTEGER_RANGES:
        what = "a number with a fraction or an exponent" if isinstance(value, Decimal) else kind(value)
        return f"must be a whole JSON number ({type_name}) written without fraction or exponent, but is {what}"
    return f"must be a JSON string ({type_name}), but is {kind(value)}"
