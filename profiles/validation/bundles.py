"""What Bundles must keep beyond the invariants of R4: full urls, and references inside documents and messages.

http://hl7.org/fhir/R4/bundle.html#bundle-unique, http://hl7.org/fhir/R4/documents.html#content
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from profiles.definitions import is_resource_type
from profiles.fhirpath.references import named_type
from profiles.issues import Issue
from profiles.validation.prose.finding import LENIENT

Json = dict[str, Any]
Entry = tuple[int, Json]

WITHOUT_URLS = frozenset({"batch", "transaction", "batch-response", "transaction-response"})
"""Types of Bundles whose entries need no fullUrl."""
CLOSED = frozenset({"document", "message"})
"""Types of Bundles that are whole: what they refer to as their own must be in them."""
_RESTFUL = re.compile(r"https?://.+/([A-Za-z]+)/[A-Za-z0-9\-.]{1,64}")
_HEADS = {
    "Composition": ("subject", "encounter", "author", "attester", "custodian", "event", "section"),
    "MessageHeader": ("focus", "sender", "author", "responsible", "enterer"),
}
_LEADING = {"document": "Composition", "message": "MessageHeader"}


def bundle_issues(bundle: Json, path: str) -> list[Issue]:
    """Return the findings about the full urls and the inner references of a Bundle; `path` is its FHIRPath.

    Entries that are not objects, or whose content is no resource, are passed by: other checks tell of them.
    """
    entries = [(at, each) for at, each in enumerate(_list(bundle.get("entry"))) if isinstance(each, dict)]
    given = bundle.get("type")
    kind = given if isinstance(given, str) else ""
    issues = [issue for entry in entries for issue in _url_issues(entry, kind, path)]
    if kind in CLOSED and entries:
        issues += _inner(entries, kind, path)
    return issues


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _url_issues(entry: Entry, kind: str, path: str) -> Iterator[Issue]:
    """Yield what is wrong with the fullUrl of an entry: it is missing, or names another resource than the one there."""
    at, content = entry
    where = f"{path}.entry[{at}]"
    resource, url = content.get("resource"), content.get("fullUrl")
    if not isinstance(resource, dict):
        return
    if url is None and kind in CLOSED:
        what = f"needs a fullUrl, for a {kind} is read by them; add the address of the resource or urn:uuid:"
        yield Issue("error", "required", f"{where} {what}.", f"{where}.fullUrl")
    elif url is None and kind and kind not in WITHOUT_URLS and not _is_outcome(content):
        what = f"has no fullUrl, which each entry of a {kind} has; add the address of the resource or urn:uuid:"
        yield Issue("warning", "required", f"{where} {what}.", f"{where}.fullUrl", rule=LENIENT)
    elif isinstance(url, str) and ":" not in url:
        what = "is relative; give the absolute address of the resource or urn:uuid:"
        yield Issue("warning", "value", f"{where}.fullUrl {what}.", f"{where}.fullUrl", rule=LENIENT)
    name = resource.get("id")
    restful = _RESTFUL.fullmatch(url) if isinstance(url, str) else None
    if restful is None or not is_resource_type(restful[1]):
        return
    named = named_type(str(url))
    if named is not None and isinstance(name, str) and named[1] != name and kind not in WITHOUT_URLS:
        what = "ends with another id than the resource has; make both agree"
        yield Issue("error", "value", f"{where}.fullUrl {what}.", f"{where}.fullUrl")
    if named is not None and named[0] != resource.get("resourceType"):
        what = f"names the type {named[0]}, but the resource is of another type; make both agree"
        yield Issue("error", "value", f"{where}.fullUrl {what}.", f"{where}.fullUrl")


def _is_outcome(entry: Json) -> bool:
    """Whether an entry tells of the search rather than what was found; operations may leave its fullUrl out."""
    search = entry.get("search")
    return isinstance(search, dict) and search.get("mode") == "outcome"


def _inner(entries: list[Entry], kind: str, path: str) -> Iterator[Issue]:
    """Yield the references of the leading resource that lead nowhere, urns throughout, and entries nothing leads to."""
    found = {str(each["fullUrl"]): at for at, each in entries if isinstance(each.get("fullUrl"), str)}
    leading = entries[0][1].get("resource")
    head = leading if isinstance(leading, dict) and leading.get("resourceType") == _LEADING[kind] else None
    links: dict[int, set[int]] = {at: set() for at, _ in entries}
    for at, entry in entries:
        resource = entry.get("resource")
        for text, element in _references(resource, f"{path}.entry[{at}].resource"):
            target = _target(text, entry.get("fullUrl"), found, entries)
            if target is not None:
                links[at].add(target)
                links[target].add(at)
            elif text.startswith("urn:") or (resource is head and _is_head(element, path, str(_LEADING[kind]))):
                what = (
                    f"refers to a resource that the {kind} does not hold; add it as an entry or correct the reference"
                )
                yield Issue("error", "not-found", f"{element} {what}.", element)
    if head is not None:
        yield from _unreached(links, entries, kind, path)


def _is_head(element: str, path: str, kind: str) -> bool:
    inside = element.removeprefix(f"{path}.entry[0].resource.")
    return inside.partition(".")[0].partition("[")[0] in _HEADS[kind] and "xtension[" not in inside


def _unreached(links: dict[int, set[int]], entries: list[Entry], kind: str, path: str) -> Iterator[Issue]:
    """Yield the entries that no chain of references joins with the leading one, in either direction."""
    first = entries[0][0]
    reached, queue = {first}, [first]
    while queue:
        for each in links[queue.pop()] - reached:
            reached.add(each)
            queue.append(each)
    for at, entry in entries:
        resource = entry.get("resource")
        stylesheet = isinstance(resource, dict) and resource.get("resourceType") == "Binary"
        if at in reached or (stylesheet and kind == "document"):
            continue
        what = f"is joined by no reference with the {_LEADING[kind]}; refer to it or leave it out of the {kind}"
        # A document holds only what its Composition leads to, the stylesheet apart; of a message R4 does not say so.
        rule = LENIENT if kind == "document" else None
        yield Issue("warning", "structure", f"{path}.entry[{at}] {what}.", f"{path}.entry[{at}]", rule=rule)


def _target(text: str, own: Any, found: dict[str, int], entries: list[Entry]) -> int | None:
    """Return the number of the entry that a reference leads to: by fullUrl, or relative to that of its own entry."""
    text = text.partition("/_history/")[0].partition("#")[0]
    if text in found:
        return found[text]
    if ":" in text:
        return None
    restful = _RESTFUL.fullmatch(own) if isinstance(own, str) else None
    if restful is not None:
        return found.get(f"{own.rsplit('/', 2)[0]}/{text}")
    # From an entry with a urn nothing relative can be said; what has that type and id is taken as meant.
    for at, each in entries:
        resource = each.get("resource")
        if isinstance(resource, dict) and f"{resource.get('resourceType')}/{resource.get('id')}" == text:
            return at
    return None


def _references(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield (text, FHIRPath) of every literal reference in a resource, those to contained ones left out."""
    queue: list[tuple[Any, str]] = [(node, path)]
    while queue:
        each, where = queue.pop()
        if isinstance(each, dict):
            text = each.get("reference")
            if isinstance(text, str) and not text.startswith("#"):
                yield text, f"{where}.reference"
            queue += [(inside, f"{where}.{name}") for name, inside in each.items()]
        elif isinstance(each, list):
            queue += [(inside, f"{where}[{at}]") for at, inside in enumerate(each)]
