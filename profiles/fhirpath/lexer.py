"""Split FHIRPath text into tokens (http://hl7.org/fhirpath/N1/grammar.html)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from profiles.fhirpath.errors import FhirPathSyntaxError

Kind = Literal["name", "quoted", "string", "number", "date", "time", "variable", "special", "symbol", "end"]

MAX_LENGTH = 65_536

_TOKEN = re.compile(
    r"""
      (?P<space>\s+|//[^\r\n]*|/\*.*?\*/)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9]+(?:\.[0-9]+)?)
    | (?P<time>@T[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?)
    | (?P<date>@[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?
        (?:T(?:[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)?)
    | (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<quoted>`(?:[^`\\]|\\.)*`)
    | (?P<variable>%(?:[A-Za-z_][A-Za-z0-9_]*|`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))
    | (?P<special>\$(?:this|index|total)\b)
    | (?P<symbol><=|>=|!=|!~|[.\[\](){}=~<>+\-*/&|,])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_ESCAPES = {
    "'": "'",
    '"': '"',
    "`": "`",
    "\\": "\\",
    "/": "/",
    "r": "\r",
    "n": "\n",
    "t": "\t",
    "f": "\f",
}


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` is without quotes and escapes, `position` counts characters from 0."""

    kind: Kind
    text: str
    position: int


def unescape(text: str, position: int) -> str:
    """Replace the escapes of a string or delimited identifier; a backslash before anything else is left out.

    Two escapes that are halves of one character give that character. Raises FhirPathSyntaxError for half of one.
    """
    if "\\" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPES.get(code, code)

    found = _SURROGATES.sub(_joined, _ESCAPE.sub(replace, text))
    if any("\ud800" <= each <= "\udfff" for each in found):
        raise FhirPathSyntaxError("an escape is half of a character; write both halves, one after the other", position)
    return found


def _joined(match: re.Match[str]) -> str:
    high, low = map(ord, match[0])
    return chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)


def _content(kind: str, text: str, position: int) -> str:
    if kind in ("string", "quoted"):
        return unescape(text[1:-1], position)
    if kind == "variable":
        return unescape(text[2:-1], position + 1) if text[1] in "`'\"" else text[1:]
    return text[1:] if kind in ("date", "time", "special") else text


def _complaint(text: str, position: int) -> str:
    match text[position]:
        case "'" | '"' | "`":
            quote = text[position]
            return "strings are written in single quotes" if quote == '"' else f"the closing {quote} is missing"
        case "@":
            return "@ begins a date, dateTime or time such as @2015-02-04, @2015-02-04T14:34:28Z or @T14:34"
        case "$":
            return "only $this, $index and $total begin with $"
    return f"{text[position]!r} has no meaning in FHIRPath"


def tokens(text: str) -> list[Token]:
    """Return the tokens of `text`, with one of kind `end` last. Raises FhirPathSyntaxError."""
    if len(text) > MAX_LENGTH:
        raise FhirPathSyntaxError(f"an expression has at most {MAX_LENGTH} characters", MAX_LENGTH)
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise FhirPathSyntaxError(_complaint(text, position), position)
        kind = match.lastgroup or "space"
        if kind != "space":
            found.append(Token(kind, _content(kind, match[0], position), position))  # type: ignore[arg-type]
        position = match.end()
    found.append(Token("end", "", len(text)))
    return found
