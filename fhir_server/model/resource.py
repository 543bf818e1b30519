"""A resource's identity and the part of its meta that the server owns (http://hl7.org/fhir/R4/resource.html#Meta).

Times are microseconds since 1970 UTC, as the store keeps them. FHIR sees them in milliseconds, rounded down, and HTTP
in seconds, rounded down.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from time import gmtime
from typing import Any

_EPOCH = datetime(1970, 1, 1)
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SERVER_META = frozenset(("versionId", "_versionId", "lastUpdated", "_lastUpdated"))


def is_id(text: str) -> bool:
    """Return whether `text` may be a logical id."""
    return _ID.fullmatch(text) is not None


def instant(time: int) -> str:
    """Return `time` as a FHIR instant with milliseconds: `2024-01-31T12:00:00.000Z`."""
    return _instant(time // 1000)


FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_000
"""The first and the last millisecond that an instant can say, in microseconds since 1970: of the years 1 and 9999."""


def nearest_instant(time: int) -> str:
    """Return `time` as an instant, or the first or last one there is: offsets lead beyond the years 1 to 9999."""
    return instant(min(max(time, FIRST), LAST))


@lru_cache(64)
def _instant(milliseconds: int) -> str:
    # Versions of one group have the same millisecond, mostly.
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds") + "Z"


def http_date(time: int) -> str:
    """Return `time` as an HTTP date: `Sun, 06 Nov 1994 08:49:37 GMT`."""
    return _http_date(time // 1_000_000)


@lru_cache(1024)
def _http_date(seconds: int) -> str:
    year, month, day, hour, minute, second, weekday, _, _ = gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


def parse_http_date(text: str) -> int | None:
    """Return the time an HTTP date (any of its three forms) names, None when it is none: such a header is ignored."""
    try:
        date = parsedate_to_datetime(text.strip())
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return (aware - _EPOCH.replace(tzinfo=UTC)) // timedelta(microseconds=1)


def stamp(resource: Mapping[str, Any], id: str, number: int, time: int) -> dict[str, Any]:
    """Return `resource` as version `number` of `id` written at `time`; the client's own meta stays.

    `resourceType`, `id` and `meta` come first, in this order. The input is not changed.
    """
    meta = {"versionId": str(number), "lastUpdated": instant(time)}
    sent = resource.get("meta")
    if sent:
        meta.update((name, value) for name, value in sent.items() if name not in _SERVER_META)
    stamped = {"resourceType": resource["resourceType"], "id": id, "meta": meta}
    for name, value in resource.items():
        if name not in stamped:
            stamped[name] = value
    return stamped


def strip_server_meta(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return `resource` without versionId and lastUpdated, and without a meta that held nothing else."""
    stripped = dict(resource)
    meta = {name: value for name, value in (resource.get("meta") or {}).items() if name not in _SERVER_META}
    if meta:
        stripped["meta"] = meta
    else:
        stripped.pop("meta", None)
    return stripped
