"""Queries and forms: percent-encoded UTF-8, read strictly (http://hl7.org/fhir/R4/search.html#escaping).

What cannot be decoded is refused: guessing would search for something other than what was asked.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from fhir_server.errors import BadRequest

MAX_PAIRS = 1000

_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Query(Struct, frozen=True):
    """The pairs that concern the interaction, and the protocol's own: `_format` and `_pretty`."""

    pairs: tuple[tuple[str, str], ...] = ()
    format: str | None = None
    pretty: bool = False

    @property
    def protocol(self) -> tuple[tuple[str, str], ...]:
        """The protocol's own as pairs, so that a link can repeat them."""
        format = () if self.format is None else (("_format", self.format),)
        return (*format, ("_pretty", "true")) if self.pretty else format


NOTHING = Query()


def decode(text: str, where: str) -> str:
    """Return percent-encoded `text` decoded; `where` begins the message. Raises BadRequest."""
    if "%" in text:
        if _BAD_PERCENT.search(text):
            raise BadRequest(f"{where} holds a % that no two hexadecimal digits follow: write a plain % as %25.")
        try:
            text = unquote_to_bytes(text).decode()
        except UnicodeDecodeError:
            raise BadRequest(f"{where} is not UTF-8 once its percent-encoding is undone.") from None
    _refuse_null(text, where)
    return text


def _refuse_null(text: str, where: str) -> None:
    if "\x00" in text:
        raise BadRequest(f"{where} holds the character U+0000, which nothing in FHIR contains.")


def parse_query(raw: bytes, where: str = "The query") -> Query:
    """Return the decoded query of a URL or form. Raises BadRequest."""
    if not raw:
        return NOTHING
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise BadRequest(f"{where} is not UTF-8.") from None
    _refuse_null(text, where)
    pairs: list[tuple[str, str]] = []
    format, pretty = None, False
    for part in text.replace("+", " ").split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if "%" in part:
            name, value = decode(name, where), decode(value, where)
        if name == "_format":
            format = value
        elif name == "_pretty":
            pretty = _boolean(value)
        else:
            pairs.append((name, value))
    if len(pairs) > MAX_PAIRS:
        raise BadRequest(f"{where} has more than {MAX_PAIRS} parameters.", code="too-long")
    return Query(tuple(pairs), format, pretty)


def _boolean(value: str) -> bool:
    if value not in ("true", "false"):
        raise BadRequest("_pretty must be true or false.", expression="_pretty")
    return value == "true"
