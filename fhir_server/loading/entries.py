"""What a Bundle or a line of NDJSON means to a load: entries of a transaction.

A transaction goes in whole or not at all. The entries of a batch stand alone. Collections and search results are no
requests; each of their resources is put under its id, or posted when it has none. Where such a Bundle names its
entries by `urn:uuid`, its resources may refer to each other by those names: it goes in whole. Documents and messages
are kept as the Bundles they are (http://hl7.org/fhir/R4/bundle.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import Refusal, Unprocessable
from fhir_server.loading.report import reason

Json = dict[str, Any]
WRITES = ("POST", "PUT", "PATCH", "DELETE")
KEPT_AS_THEY_ARE = ("document", "message")
LISTS = ("collection", "searchset")
GROUP = 1000
"""Entries that stand alone and share a transaction at most."""
GROUP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Item:
    """One entry or line, at `index` from 0; `size` in bytes as far as known; `value()` a resource or a Bundle entry.

    A blank line has size 0.
    """

    index: int
    size: int
    value: Callable[[], Json]

    def entry(self) -> Json:
        """Return it as an entry of a transaction. Raises a Refusal that says why it cannot be one."""
        value = self.value()
        return writing(value) if "resourceType" in value else _request(value)


def is_whole(resource: Json) -> bool:
    """Whether a file's resource is a Bundle that goes in whole or not at all."""
    if resource["resourceType"] != "Bundle":
        return False
    kind = resource.get("type")
    if kind in LISTS:
        return any(str(entry.get("fullUrl", "")).startswith("urn:") for entry in _entries(resource))
    return kind == "transaction"


def whole(bundle: Json) -> Json:
    """Return the transaction that a Bundle which goes in whole amounts to."""
    if bundle.get("type") == "transaction":
        return bundle
    entries = [{"fullUrl": entry["fullUrl"], **writing(entry["resource"])} for entry in _listed(bundle)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def bundle_items(resource: Json) -> Iterator[Item]:
    """Yield what a resource that is no transaction holds: a Bundle's entries, or the resource itself.

    Raises Unprocessable for a Bundle that is no request and holds no list of resources.
    """
    kind = resource.get("type")
    if resource["resourceType"] != "Bundle" or kind in KEPT_AS_THEY_ARE:
        yield _item(0, resource)
    elif kind == "batch":
        yield from (_item(index, entry) for index, entry in enumerate(_entries(resource)))
    elif kind in LISTS:
        yield from (_item(index, entry["resource"]) for index, entry in enumerate(_listed(resource)))
    else:
        raise Unprocessable(
            f"A Bundle of type {kind} cannot be loaded; "
            "transaction, batch, collection, searchset, document and message can.",
            expression="Bundle.type",
        )


def writing(resource: Json) -> Json:
    """Return the entry that writes `resource`: under its id, or under a new one when it has none."""
    kind, id = resource.get("resourceType"), resource.get("id")
    request = {"method": "PUT", "url": f"{kind}/{id}"} if id else {"method": "POST", "url": kind}
    return {"resource": resource, "request": request}


def take(items: Iterator[Item]) -> list[Item]:
    """Take the next items off `items`: as many as share a transaction."""
    taken: list[Item] = []
    weight = 0
    for item in items:
        taken.append(item)
        weight += item.size
        if len(taken) == GROUP or weight > GROUP_BYTES:
            break
    return taken


def usable(items: Sequence[Item]) -> tuple[list[tuple[int, Json]], dict[int, str]]:
    """Return the entries that `items` hold, by index, and why some hold none; blank lines are neither."""
    entries: list[tuple[int, Json]] = []
    refused: dict[int, str] = {}
    for item in items:
        if not item.size:
            continue
        try:
            entries.append((item.index, item.entry()))
        except Refusal as refusal:
            refused[item.index] = reason(refusal.issues, alone=True)
    return entries, refused


def together(entries: Sequence[Json]) -> Json:
    """Return the transaction of `entries`."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def size(bundle: Json) -> int:
    """Return the number of entries of a Bundle."""
    return len(_entries(bundle))


def _item(index: int, value: Json) -> Item:
    return Item(index, 1, lambda: value)


def _entries(bundle: Json) -> list[Json]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Unprocessable("Bundle.entry is a list of objects.", expression="Bundle.entry")
    return entries


def _listed(bundle: Json) -> list[Json]:
    """Return the entries of a list that hold a resource to keep: not the outcome of a search."""
    listed = []
    for entry in _entries(bundle):
        search = entry.get("search")
        if isinstance(search, dict) and search.get("mode") == "outcome":
            continue
        if isinstance(entry.get("resource"), dict):
            listed.append(entry)
    return listed


def _request(entry: Json) -> Json:
    request = entry.get("request")
    method = request.get("method") if isinstance(request, dict) else None
    if method not in WRITES:
        raise Unprocessable(
            f"Only {', '.join(WRITES)} can be loaded, not {method}.", expression="Bundle.entry[0].request.method"
        )
    # Entries of a batch do not know each other: which of them share a transaction must not show.
    return {name: value for name, value in entry.items() if name != "fullUrl"}
