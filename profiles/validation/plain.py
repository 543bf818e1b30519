"""Invariants met on almost every resource, written out, because a Bundle of 25,000 entries has as many of each.

Each function says the same as the expression of the standard that it stands for; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


class Local:
    """What `#id` may refer to in one resource and all it contains: gathered once, when first asked for."""

    __slots__ = ("_ids", "_resource")

    def __init__(self, resource: Json) -> None:
        self._resource = resource
        self._ids: frozenset[str] | None = None

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the contained resources."""
        if self._ids is None:
            contained = self._resource.get("contained")
            ids = [each.get("id") for each in contained or () if isinstance(each, dict)]
            self._ids = frozenset(each for each in ids if isinstance(each, str))
        return self._ids


def _has(node: Json, *names: str) -> bool:
    """Return whether one of the elements is there, be it with extensions alone."""
    return any(name in node or f"_{name}" in node for name in names)


def _ref_1(reference: Json, local: Local) -> bool:
    """A local reference names a contained resource of the container; `#` alone is the container itself."""
    text = reference.get("reference")
    if not isinstance(text, str) or text[:1] != "#" or text == "#":
        return True
    return text[1:] in local.ids


def _qty_3(quantity: Json, local: Local) -> bool:
    return "system" in quantity or not _has(quantity, "code") or _has(quantity, "system")


def _rat_1(ratio: Json, local: Local) -> bool:
    both = _has(ratio, "numerator") == _has(ratio, "denominator")
    return both and _has(ratio, "numerator", "extension")


def _att_1(attachment: Json, local: Local) -> bool:
    return not _has(attachment, "data") or _has(attachment, "contentType")


def _cpt_2(contact: Json, local: Local) -> bool:
    return not _has(contact, "value") or _has(contact, "system")


def _obs_3(referenced_range: Json, local: Local) -> bool:
    return _has(referenced_range, "low", "high", "text")


def _pat_1(contact: Json, local: Local) -> bool:
    return _has(contact, "name", "telecom", "address", "organization")


def _entries(bundle: Json) -> list[Json]:
    entries = bundle.get("entry")
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def _bdl_1(bundle: Json, local: Local) -> bool:
    return not _has(bundle, "total") or bundle.get("type") in ("searchset", "history")


def _bdl_2(bundle: Json, local: Local) -> bool:
    return bundle.get("type") == "searchset" or not any("search" in entry for entry in _entries(bundle))


def _bdl_3(bundle: Json, local: Local) -> bool:
    due = bundle.get("type") in ("batch", "transaction", "history")
    return all(("request" in entry) == due for entry in _entries(bundle))


def _bdl_4(bundle: Json, local: Local) -> bool:
    due = bundle.get("type") in ("batch-response", "transaction-response", "history")
    return all(("response" in entry) == due for entry in _entries(bundle))


def _bdl_5(entry: Json, local: Local) -> bool:
    return _has(entry, "resource", "request", "response")


def _bdl_7(bundle: Json, local: Local) -> bool:
    """No two entries have the same fullUrl and version; a history may."""
    if bundle.get("type") == "history":
        return True
    names = [(entry["fullUrl"], _version(entry)) for entry in _entries(bundle) if "fullUrl" in entry]
    return len(set(names)) == len(names)


def _version(entry: Json) -> str:
    resource = entry.get("resource")
    meta = resource.get("meta") if isinstance(resource, dict) else None
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""


def _bdl_8(entry: Json, local: Local) -> bool:
    url = entry.get("fullUrl")
    return not isinstance(url, str) or "/_history/" not in url


RULES: dict[str, Callable[[Any, Local], bool]] = {
    "att-1": _att_1,
    "bdl-1": _bdl_1,
    "bdl-2": _bdl_2,
    "bdl-3": _bdl_3,
    "bdl-4": _bdl_4,
    "bdl-5": _bdl_5,
    "bdl-7": _bdl_7,
    "bdl-8": _bdl_8,
    "cpt-2": _cpt_2,
    "obs-3": _obs_3,
    "pat-1": _pat_1,
    "qty-3": _qty_3,
    "rat-1": _rat_1,
    "ref-1": _ref_1,
}
"""Rule -> whether it holds at the element, given the container of its resource."""

GUARDS: dict[str, tuple[str, ...]] = {
    "obs-6": ("dataAbsentReason",),
    "obs-7": ("component",),
    "per-1": ("start", "end"),
    "rng-2": ("low", "high"),
    "inv-1~3": ("lastModified", "authoredOn"),
    "mdd-1": ("whenHandedOver", "whenPrepared"),
    "md-1": ("max",),
    "ras-2": ("probabilityDecimal",),
}
"""Rule -> the properties without any one of which it cannot be broken, so that it need not be evaluated."""


def _ordered(period: Json) -> bool:
    """Whether a period begins before it ends, by its texts: they sort as their times where both are of one form."""
    start, end = period["start"], period["end"]
    if not isinstance(start, str) or not isinstance(end, str) or len(start) != len(end) or start > end:
        return False
    return len(start) <= _DATE or (start[-1] == end[-1] == "Z") or start[-_ZONE:] == end[-_ZONE:]


_DATE = len("2024-01-31")
_ZONE = len("+02:00")

SURE: dict[str, Callable[[Any], bool]] = {"per-1": _ordered}
"""Rule -> whether it surely holds at an element that its guard lets through, so that it need not be evaluated."""
