r"""JSON that keeps what came in (http://hl7.org/fhir/R4/json.html).

Objects become dicts in their order, integers `int`, numbers with a fraction or an exponent `Decimal`, never float:
`1.10` stays `1.10`. What jiter lets through although FHIR or this server refuses it is looked for in the bytes of the
valid body, by searches that cost next to nothing when there is no reason for suspicion: control characters (they can
only come from escapes), U+FFFE and U+FFFF (XML cannot carry them), numbers out of bounds.

What changes: `-0` is read as `0` (`-0.0` stays), and an exponent's spelling (`1e5` is written `1E+5`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import jiter
import msgspec

from fhir_server.errors import ParseFailed

MAX_DEPTH = 200
MAX_NUMBER = 40
MAX_EXPONENT = 400

_LINE_FEED = b"\n"
_UTF8_MARK = b"\xef\xbb\xbf"
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

# Every character of a number but e looks like 0, so that two searches find each number worth a closer look: a run of
# 32, for below that neither spelling, sent or written, has more than 40 characters; and three digits after an e. What
# must follow a number keeps the digits of UUIDs out.
_SHAPE = bytes(
    ord("0") if chr(code) in "0123456789.+-" else ord("e") if chr(code) == "E" else code for code in range(256)
)
_LONG_RUN = b"0" * (MAX_NUMBER - 8)
_BIG_EXPONENT = re.compile(rb"0e0000*+(?:[,\]}\s]|\Z)")
_LONG_RUN_AT = re.compile(rb"0{%d,}+" % len(_LONG_RUN))
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER_CHARACTERS = b"0123456789.eE+-"
_BEFORE_A_NUMBER = b":[, \t\r\n"

_SUSPICIOUS_ESCAPE = re.compile(rb"\\(?:[bf]|u(?:00[01]|[fF]))")
_ESCAPE = re.compile(
    rb"\\(?:(?P<bad>[bf]|u00(?:0[0-8bcefBCEF]|1[0-9a-fA-F])|u[fF]{3}[eEfF])|u[0-9a-fA-F]{4}|[^u])", re.DOTALL
)
_NONCHARACTER = re.compile(rb"\xef\xbf[\xbe\xbf]")
_POSITION = re.compile(r" at line (\d+) column (\d+)$")
_DUPLICATE = re.compile(r'[dD]uplicate key "([A-Za-z_]{1,64})"')


def parse(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Return the value of a JSON body.

    Raises ParseFailed with line and column when it is not JSON, nests deeper than `max_depth` (at most 200), repeats a
    property within an object, or holds a character or number that FHIR or this server does not allow.
    """
    if body.startswith(_UTF8_MARK):
        body = body[len(_UTF8_MARK) :]
    try:
        value = jiter.from_json(body, float_mode="decimal", catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise _refusal(body, str(error)) from None
    if _SUSPICIOUS_ESCAPE.search(body) is not None:
        _check_escapes(body)
    if not body.isascii() and (found := _NONCHARACTER.search(body)):
        raise _bad_character(body, found.start())
    shape = body.translate(_SHAPE)
    if _LONG_RUN in shape or _BIG_EXPONENT.search(shape) is not None:
        _check_numbers(body, shape)
    if max_depth < MAX_DEPTH:
        check_depth(value, max_depth)
    return value


def parse_stored(body: bytes) -> Any:
    """Return the value of JSON that this server wrote: as `parse`, without its checks and its limit of depth."""
    return _decoder.decode(body)


def is_number(text: str) -> bool:
    """Return whether `text`, a number as JSON writes it, is within bounds, as it is spelled and as `encode` will."""
    if len(text) > MAX_NUMBER:
        return False
    exponent = text.lower().partition("e")[2]
    if not exponent:
        return True
    return abs(int(exponent)) <= MAX_EXPONENT and _is_written_in_bounds(str(Decimal(text)))


def _is_written_in_bounds(text: str) -> bool:
    return len(text) <= MAX_NUMBER and abs(int(text.partition("E")[2] or 0)) <= MAX_EXPONENT


def check_depth(value: Any, limit: int = MAX_DEPTH) -> None:
    """Raise ParseFailed when `value`, made other than by `parse`, nests deeper than `limit` levels."""
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        if depth > limit:
            raise _too_deep(limit, "")
        level = [child for each in level for child in (each.values() if isinstance(each, dict) else each)]


def encode(value: Any) -> bytes:
    """Return the compact JSON of `value`, decimals with the precision they have."""
    return _encoder.encode(value)


def encode_pretty(value: Any) -> bytes:
    """Return the JSON of `value` with an indent of two spaces."""
    return msgspec.json.format(_encoder.encode(value), indent=2)


def _place(body: bytes, offset: int) -> str:
    start = body.rfind(_LINE_FEED, 0, offset) + 1
    return f"at line {body.count(_LINE_FEED, 0, offset) + 1} column {offset - start + 1}"


def _check_escapes(body: bytes) -> None:
    for escape in _ESCAPE.finditer(body):
        if escape["bad"] is not None:
            raise _bad_character(body, escape.start())


def _bad_character(body: bytes, offset: int) -> ParseFailed:
    return ParseFailed(
        f"A character that FHIR does not allow in a string, {_place(body, offset)}. Of those below U+0020 only "
        "tab, line feed and carriage return may be sent, and neither U+FFFE nor U+FFFF; remove it."
    )


def _check_numbers(body: bytes, shape: bytes) -> None:
    """Judge each place the shape points to: first by its surroundings, then by whether it is inside a string."""
    for suspects in (_LONG_RUN_AT.finditer(shape), _BIG_EXPONENT.finditer(shape)):
        checked, inside = 0, False
        for suspect in suspects:
            start = _start_of_number(body, suspect.start())
            number = _NUMBER.match(body, start)
            if number is None or body[start - 1 : start] not in _BEFORE_A_NUMBER or is_number(number[0].decode()):
                continue
            inside ^= _opens_string(body[checked:start])
            checked = start
            if not inside:
                raise _bad_number(", " + _place(body, start))


def _bad_number(place: str) -> ParseFailed:
    return ParseFailed(
        f"A number out of bounds{place}: a number may have at most {MAX_NUMBER} characters and an exponent between "
        f"-{MAX_EXPONENT} and {MAX_EXPONENT}; send fewer digits."
    )


def _start_of_number(body: bytes, at: int) -> int:
    """Return where the run of number characters around `at` begins; a run is followed at most 64 characters back."""
    before = body[max(0, at - 64) : at]
    return at - len(before) + len(before.rstrip(_NUMBER_CHARACTERS))


def _opens_string(part: bytes) -> bool:
    """Return whether valid JSON that begins outside a string is inside one at its end, or the reverse."""
    return part.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"') % 2 == 1


def _too_deep(limit: int, place: str) -> ParseFailed:
    return ParseFailed(f"The JSON nests deeper than {limit} levels{place}; flatten the content.", code="too-long")


def _refusal(body: bytes, message: str) -> ParseFailed:
    """Return jiter's complaint without any of the content it quotes."""
    position = _POSITION.search(message)
    place = f", at line {position[1]} column {position[2]}" if position else ""
    if not body.strip():
        return ParseFailed("The body is empty; send a resource as JSON.")
    if body.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in body[:4]:
        return ParseFailed("The body is not UTF-8; FHIR JSON is always UTF-8, so send it in that encoding.")
    if "recursion limit" in message:
        return _too_deep(MAX_DEPTH, place)
    if "uplicate key" in message:
        name = _DUPLICATE.search(message)
        what = f"The property {name[1]}" if name else "A property"
        return ParseFailed(f"{what} appears twice in the same object{place}; send it once.")
    if "out of range" in message or "Internal error" in message:
        return _bad_number(place)
    return ParseFailed(f"The body is not JSON: {_reason(message)}{place}.")


def _reason(message: str) -> str:
    reasons = {
        "control character": "a control character stands unescaped in a string",
        "surrogate": "an escape is half of a surrogate pair",
        "hex escape": "an escape is half of a surrogate pair or not finished",
        "invalid escape": "an escape in a string is not one JSON knows",
        "unicode code point": "the bytes are not UTF-8",
        "trailing characters": "something follows the end of the value",
        "trailing comma": "a comma is followed by nothing",
        "invalid number": "a number is not written as JSON writes numbers",
        "EOF": "it ends before the value does",
        "key must be a string": "a property name must be a string in double quotes",
        "expected": "a value, comma, colon or bracket is missing",
    }
    return next((text for part, text in reasons.items() if part in message), "it breaks the grammar of JSON")
