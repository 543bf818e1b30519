"""The cursor of a page walk: where it stands, sealed so that nobody can steer it elsewhere.

A cursor is bound to the search it came from by a hash of type and parameters, and to the time of its first page.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b, sha256
from hmac import compare_digest
from struct import Struct
from typing import NamedTuple

from fhir_server.errors import BadRequest, Gone

PARAMETER = "_cursor"
"""The parameter that a cursor is the value of."""
LIFETIME = 3_600_000_000
"""Microseconds from the first page of a walk to the last that is answered."""

_FIELDS = Struct(">QQQ16s")
_LENGTH = Struct(">Q").pack
_SEAL_BYTES = 16
_KEY_BYTES = 64
_FORMAT = b"page cursor 2"


class Cursor(NamedTuple):
    """The walk answers as of commit `position` and goes on behind row `after`; `issued` is the time of page one."""

    position: int
    after: int
    issued: int


def seal(cursor: Cursor, type: str, parameters: Sequence[tuple[str, str]], secret: bytes) -> str:
    """Return `cursor` as an opaque word for a URL, good only for the search by `parameters` of `type`."""
    body = _FIELDS.pack(cursor.position, cursor.after, cursor.issued, _fingerprint(type, tuple(parameters)))
    return _worded(body + _signature(body, secret))


def unseal(
    text: str, type: str, parameters: Sequence[tuple[str, str]], secret: bytes, *, now: int, lifetime: int = LIFETIME
) -> Cursor:
    """Return the cursor in `text`.

    Raises BadRequest when it was altered or comes from another search, Gone when it is older than `lifetime`.
    """
    body = _opened(text, secret)
    if body is None:
        raise BadRequest(
            "The page cursor is damaged or was not made by this server. Start again with the search's first page.",
            expression=PARAMETER,
        )
    position, after, issued, fingerprint = _FIELDS.unpack(body)
    if fingerprint != _fingerprint(type, tuple(parameters)):
        raise BadRequest(
            "The page cursor belongs to another search. Follow the link 'next' as it was given.", expression=PARAMETER
        )
    if now - issued > lifetime:
        seconds = lifetime // 1_000_000
        age = f"{seconds} seconds" if seconds % 60 else f"{seconds // 60} minutes"
        raise Gone(
            f"The page cursor is older than {age}. Run the search again from its first page.",
            expression=PARAMETER,
            code="expired",
        )
    return Cursor(position, after, issued)


def _worded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _opened(text: str, secret: bytes) -> bytes | None:
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        return None
    if _worded(raw) != text:
        return None
    body, signature = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
    whole = len(body) == _FIELDS.size and compare_digest(signature, _signature(body, secret))
    return body if whole else None


def _signature(body: bytes, secret: bytes) -> bytes:
    # Keyed BLAKE2 (RFC 7693) takes a fifth of the time of HMAC, and every page that goes on has one.
    return blake2b(body, key=secret[:_KEY_BYTES], digest_size=_SEAL_BYTES, person=_FORMAT).digest()


@lru_cache(1024)
def _fingerprint(type: str, parameters: tuple[tuple[str, str], ...]) -> bytes:
    texts = [type.encode("utf-8", "surrogatepass")]
    for name, value in parameters:
        texts += (name.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass"))
    return sha256(b"".join([b"%b%b" % (_LENGTH(len(text)), text) for text in texts])).digest()[:16]
