"""Index entries: what a resource answers to, as plain tuples ready to be stored.

`extract` makes them, `match` reads them, every store keeps them. A name is the code of the search parameter,
with a suffix for a form of it that is searched differently: `identifier:of-type`, `code:text`,
`subject:identifier`, `value-quantity:ucum`. A parameter whose values are those of others has no entries of its own
(`Parameter.answers`), and neither has a composite: `group` ties the entries of its components together. It numbers the
instances (`Observation.component`) from 1; it is 0 for what belongs to the resource as a whole, and APART for what
takes no part in the composites of its parameter.

Instants are microseconds since 1970-01-01T00:00:00Z as integers; a partial date is the closed range it stands for.
Decimals are order-preserving byte strings made by `decimal_key`, never floats.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from itertools import chain
from typing import Any

TokenEntry = tuple[str, str, str, int]
"""(name, system, code, group); system "" where there is none, code "" only with a system."""
StringEntry = tuple[str, str, str, int]
"""(name, norm, exact, group); `norm` is what `normal` makes of it. `exact` is "" for `:text` forms, and for the rest of
a name from one of its later words on: it is found by that, but neither sorted by it nor compared with it as a whole."""
ReferenceEntry = tuple[str, str, str, int, int]
"""(name, target type, target id, version number or 0, group), for references to resources of this server."""
UriEntry = tuple[str, str, str, int]
"""(name, uri, version, group); also canonicals (`version` after the `|`) and references to other servers."""
DateEntry = tuple[str, int, int, int]
"""(name, low, high, group), a closed range of microseconds."""
NumberEntry = tuple[str, bytes, bytes, int]
"""(name, low key, high key, group)."""
QuantityEntry = tuple[str, str, str, bytes, bytes, int]
"""(name, system, unit code, low key, high key, group)."""
PositionEntry = tuple[str, int, int, int]
"""(name, latitude, longitude, group) in units of 1e-7 degree."""

APART = -1
STATED = ":stated"
"""The form of a value that is there without telling anything that is searched for: see `stated`."""
FORMS = ("", ":text", ":of-type", ":identifier", ":ucum", ":below", STATED)
"""What a parameter's entries may be called, after its code."""
DATED = "date"
"""The parameter by which most clinical types say when something was: stores may keep it where it is asked for most."""
BEGINNING = -(1 << 62)
"""The low end of a period that has none."""
END = 1 << 62
"""The high end of a period that has none."""
NEVER = BEGINNING - 1
"""Stands for the high end of nothing where a number must stand: below every high end there is."""
LOWEST_KEY = b"\x00"
"""Sorts before every `decimal_key`."""
HIGHEST_KEY = b"\xff"
"""Sorts after every `decimal_key`."""

_INNER = "#"
_WORD = re.compile(r"[^\W_]+")
_ASCII_WORDS = bytes(ord(chr(byte).lower()) if chr(byte).isalnum() and byte < 128 else 32 for byte in range(256))
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i"})
_LONE_SIGN = re.compile(r"(?<![0-9])[.,]|[.,](?![0-9])")
_PARTING = "-_/\\"
_ASCII_DROPPED = b"!\"#%&'()*:;?@[]`{}"
_ASCII_PLAIN = bytes(
    32 if chr(byte) in _PARTING else ord(chr(byte).lower()) if byte < 128 else 32 for byte in range(256)
)
_SIGNS_END = 0x3100
_EXPONENT_BIAS = 0x8000
# Two decimal digits, read as hexadecimal, become their number plus one.
_PAIRS = bytes((byte >> 4) * 10 + (byte & 15) + 1 & 0xFF for byte in range(256))
_INVERTED = bytes(0xFF - byte for byte in range(256))


@dataclass(slots=True)
class IndexEntries:
    """All index entries of one version of a resource; none occurs twice.

    `texts` are the words of its narrative and those of everything else, a blank apart. `by_patient` names the tokens
    that are worth finding within the compartment of one patient, and the references that make a patient an owner.
    `contained` are the entries of each resource it contains, by their order there, with the kind (`inner_kind`) they
    belong to; each has the token `_id`, "" for none.
    """

    tokens: list[TokenEntry] = field(default_factory=list)
    strings: list[StringEntry] = field(default_factory=list)
    references: list[ReferenceEntry] = field(default_factory=list)
    uris: list[UriEntry] = field(default_factory=list)
    dates: list[DateEntry] = field(default_factory=list)
    numbers: list[NumberEntry] = field(default_factory=list)
    quantities: list[QuantityEntry] = field(default_factory=list)
    positions: list[PositionEntry] = field(default_factory=list)
    texts: tuple[str, str] = ("", "")
    by_patient: frozenset[str] = frozenset()
    contained: list[tuple[str, IndexEntries]] = field(default_factory=list)

    def all(self) -> Iterator[tuple[Any, ...]]:
        """Yield every entry of every kind; its first part is the name, its last the group."""
        yield from chain(
            *(self.tokens, self.strings, self.references, self.uris),
            *(self.dates, self.numbers, self.quantities, self.positions),
        )


def stated(name: str, type: str, group: int) -> TokenEntry:
    """Return the entry that a value without any other entry has, so that it is not missing: a reference with a display
    alone, an identifier without a value. `type` is what a reference says it points to, "" where that is not known.
    """
    return name + STATED, type, "stated", group


def inner_kind(type: str) -> str:
    """Return what contained resources of a `type` are called where entries of stored ones are told by their type."""
    return _INNER + type


def is_inner(kind: str) -> bool:
    """Return whether a kind of entries is that of contained resources."""
    return kind.startswith(_INNER)


def words(text: str) -> list[str]:
    """Return the words of `text` as full text search compares them: folded runs of letters and digits."""
    if text.isascii():
        return text.encode().translate(_ASCII_WORDS).decode().split()
    return _WORD.findall(fold(text))


def normal(text: str) -> str:
    """Return `text` as string search compares it: folded, without punctuation, of which dashes and slashes part words.

    A point or comma between digits stays, and so does punctuation where there is nothing else.
    """
    folded = text if text.isascii() else fold(text)
    bare = _LONE_SIGN.sub("", folded) if "." in folded or "," in folded else folded
    if bare.isascii():
        plain = bare.encode().translate(_ASCII_PLAIN, _ASCII_DROPPED).decode()
    else:
        plain = bare.translate(_signs())
    return " ".join(plain.split()) or fold(text)


@cache
def _signs() -> dict[int, str | None]:
    """Return what becomes of the punctuation that is not only that of English."""
    kinds = {each: unicodedata.category(each) for each in map(chr, range(_SIGNS_END)) if each not in ".,"}
    dropped = {ord(each): None for each, kind in kinds.items() if kind[0] == "P" or each in "`\u02bc"}
    parting = {ord(each): " " for each, kind in kinds.items() if kind in ("Pd", "Pc") or each in _PARTING}
    return {**dropped, **parting}


def fold(text: str) -> str:
    """Return `text` without case and combining marks, runs of white space as one blank.

    Letters that are joined or struck through count as what people type for them: Lebœuf is leboeuf, Łukasz lukasz.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    # Case folding can bring combining marks back (U+0130), so marks go last; NFKD twice makes folding idempotent.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(each for each in folded if not unicodedata.combining(each)).translate(_LIGATURES)
    return " ".join(bare.split())


def fold_code(code: str) -> str:
    """Return `code` as token search compares it: without case."""
    return code.lower() if code.isascii() else code.casefold()


@lru_cache(maxsize=16_384)
def decimal_key(value: Decimal | int) -> bytes:
    """Return a byte string that sorts as `value` does; equal numbers (1, 1.0) have equal keys.

    One byte for the sign, two for the biased exponent, then two digits a byte. Raises ValueError for NaN, infinity and
    exponents beyond 16 bits.
    """
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("an index key needs a finite number")
    # As 1.230E+5: the digits, and how many of them stand before the point.
    mantissa, _, exponent = f"{number.copy_abs():e}".partition("e")
    significant = mantissa.replace(".", "").strip("0")
    if not significant:
        return b"\x80"
    magnitude = int(exponent) + 1 + _EXPONENT_BIAS
    if not 0 <= magnitude <= 0xFFFF:
        raise ValueError("the exponent of a number is beyond the range of an index key")
    padded = significant + "0" * (len(significant) % 2)
    body = magnitude.to_bytes(2, "big") + bytes.fromhex(padded).translate(_PAIRS)
    if not number.is_signed():
        return b"\x81" + body
    # The closing 0xFF makes a number with more digits, which is further from zero, sort earlier.
    return b"\x7f" + body.translate(_INVERTED) + b"\xff"
