"""The kinds of values that fields of a view have: what is allowed, and how a value stands in FHIR and comes back.

Texts are kept to the letter. FHIR has no empty string, so an empty one is an extension without a value
(`telemed-empty`); text that is blank, or that holds characters which JSON or XML cannot carry, is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from mappings.concepts.bijection import Bijection
from mappings.concepts.names import EMPTY
from mappings.paths.path import Leaf
from profiles.datatypes.primitives import MAX_STRING, PATTERNS, is_integer, primitive_fault

Fault = Callable[[Any], str | None]
_ALLOWED = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*"
_SEEN = r"[^\x00-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufffe\uffff]"
_WORDS = f"{_ALLOWED}{_SEEN}{_ALLOWED}"
"""Text that is more than blanks, as an expression that means the same in Python and in ECMAScript."""
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value.

    `fault` completes the sentence "The field ..." for what is wrong with a value, None when it is right; null is not
    asked about. `write` makes the element, `read` its value, None for what it does not understand. `schema` is its
    JSON schema.
    """

    name: str
    schema: Mapping[str, Any]
    fault: Fault
    write: Callable[[Any], Leaf] = field(default=Leaf)
    read: Callable[[Leaf], Any] = field(default=lambda leaf: leaf.value)


def text_fault(value: Any) -> str | None:
    """Return what is wrong with a text, which may be empty."""
    if not isinstance(value, str):
        return "must be text"
    if _FORBIDDEN.search(value):
        return "must not hold control characters (other than tab and line ends), U+FFFE, U+FFFF or halves of a pair"
    if value and not value.strip():
        return "must not consist of blanks only; send an empty text or null"
    return f"must not be longer than {MAX_STRING:,} characters" if len(value) > MAX_STRING else None


def filled_fault(value: Any) -> str | None:
    """Return what is wrong with a text that must not be empty."""
    if isinstance(value, str) and not value.strip():
        return "must not be empty, nor blanks only"
    return text_fault(value)


def line_fault(value: Any) -> str | None:
    """Return what is wrong with a text that a search is to look for."""
    return filled_fault(value) or ("must be one line, without tabs" if min(value) < " " else None)


def _write_text(value: str) -> Leaf:
    return Leaf(value) if value else Leaf(None, {"extension": [dict(EMPTY)]})


def _read_text(leaf: Leaf) -> str | None:
    if leaf.value is not None:
        return leaf.value if isinstance(leaf.value, str) else None
    extensions = (leaf.beside or {}).get("extension", ())
    return "" if any(each.get("url") == EMPTY["url"] for each in extensions) else None


def _of_type(type: str) -> Fault:
    return lambda value: primitive_fault(type, value)


def _truth_fault(value: Any) -> str | None:
    return None if value in ("true", "false") else "must be true or false"


def matching(expression: str, **more: Any) -> Mapping[str, Any]:
    """Return the JSON schema of strings that match an expression as a whole."""
    return {"type": "string", "pattern": f"^(?:{expression})$", **more}


TEXT = Kind("text", matching(f"(?:{_WORDS})?", maxLength=MAX_STRING), text_fault, _write_text, _read_text)
FILLED = Kind("filled text", matching(_WORDS, minLength=1, maxLength=MAX_STRING), filled_fault)
_LETTER = r"[^\x00-\x1f\ufffe\uffff]*"
LINE = Kind("line of text", matching(f"{_LETTER}{_SEEN}{_LETTER}", maxLength=MAX_STRING), line_fault)
ID = Kind("id", matching(PATTERNS["id"]), _of_type("id"))
DATE = Kind("date", matching(PATTERNS["date"]), _of_type("date"))
MOMENT = Kind("point in time", matching(PATTERNS["instant"], format="date-time"), _of_type("instant"))
WHEN = Kind("date or point in time", matching(PATTERNS["dateTime"]), _of_type("dateTime"))
OR_NONE: Mapping[str, Any] = {"type": ["string", "null"]}
MOMENT_OR_NONE: Mapping[str, Any] = {"anyOf": [MOMENT.schema, {"type": "null"}]}
"""What is shown of a text, or of a point in time, that resources of others may lack."""
TRUTH = Kind("true or false", {"type": "string", "enum": ["true", "false"]}, _truth_fault)
ADDRESS = Kind("address", {"type": "string", "format": "uri-reference"}, _of_type("uri"))


def _age_fault(value: Any) -> str | None:
    # JSON has one kind of numbers: 41.0 is a whole number too.
    whole = is_integer(value) or (isinstance(value, Decimal) and value == value.to_integral_value())
    return None if whole and 0 <= value <= 150 else "must be a whole number of years from 0 to 150"


def _write_age(value: int | Decimal) -> Leaf:
    return Leaf({"value": int(value), "unit": "an", "system": "http://unitsofmeasure.org", "code": "a"})


def _read_age(leaf: Leaf) -> int | None:
    found = leaf.value.get("value") if isinstance(leaf.value, dict) and leaf.value.get("code") == "a" else None
    if isinstance(found, Decimal) and found == found.to_integral_value():
        found = int(found)
    return found if _age_fault(found) is None else None


AGE = Kind("age in years", {"type": "integer", "minimum": 0, "maximum": 150}, _age_fault, _write_age, _read_age)


def reference(*types: str) -> Kind:
    """Return the kind of an id of a resource of these types; a new reference is to the first of them."""
    beginnings = tuple(f"{type}/" for type in types)

    def read(leaf: Leaf) -> str | None:
        found = leaf.value
        if not isinstance(found, str) or not found.startswith(beginnings):
            return None
        return found.partition("/")[2].partition("/")[0]

    def write(value: str) -> Leaf:
        return Leaf(f"{types[0]}/{value}")

    return Kind(f"id of a {types[0]}", ID.schema, ID.fault, write, read)


def nearest(table: Mapping[str, str], other: str | None = None) -> Kind:
    """Return the kind of codes that are only read, as the code that `table` has for them, else as `other`.

    It is for what others write: codes, or Codings, that a view has no word of its own for.
    """

    def read(leaf: Leaf) -> str | None:
        code = leaf.value.get("code") if isinstance(leaf.value, dict) else leaf.value
        return table.get(code, other) if isinstance(code, str) else None

    return Kind("code", {"type": "string"}, filled_fault, Leaf, read)


def one_of(codes: Sequence[str], *, coding: str | None = None, by: Bijection | None = None) -> Kind:
    """Return the kind of a code of a list.

    `by` translates it on the way to FHIR. With `coding` it stands there as a Coding of that system, and what the
    Coding said of the code before (its display) is taken away with it.
    """
    known = frozenset(codes)

    def fault(value: Any) -> str | None:
        return None if isinstance(value, str) and value in known else f"must be one of {', '.join(codes)}"

    def write(value: str) -> Leaf:
        code = by.forward[value] if by else value
        return Leaf({"system": coding, "code": code, "display": None} if coding else code)

    def read(leaf: Leaf) -> str | None:
        code = leaf.value.get("code") if coding and isinstance(leaf.value, dict) else leaf.value
        found = by.back.get(code) if by and isinstance(code, str) else code
        return found if isinstance(found, str) and found in known else None

    return Kind(f"one of {', '.join(codes)}", {"type": "string", "enum": list(codes)}, fault, write, read)
