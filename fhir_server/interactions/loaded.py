"""The code systems of the concept store, by canonical, and the answers to questions about them.

Those that were loaded go before all else of their url. Those that index a CodeSystem resource stand for it: they are
asked where that resource would be, so that nobody has to read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fhir_server.store.concepts import Concepts
from profiles.packages.catalogue import Catalogue
from profiles.packages.versions import natural
from profiles.terminology.canonical import unversioned, version_of
from profiles.terminology.errors import NotExpandable
from profiles.terminology.head import Head
from profiles.terminology.patterns import BadPattern
from profiles.terminology.questions import Among, Count, Detail, Look, Question, Slice

Loaded = Mapping[str, list[Head]]
"""Url -> its versions, the one to prefer last."""


Standing = Mapping[tuple[str, int], Head]
"""(`CodeSystem/id`, number of its version) -> what indexes that resource, and stands for it."""


def by_url(heads: Iterable[Head]) -> Loaded:
    """Return the systems that were loaded by url, versions in their natural order."""
    found: dict[str, list[Head]] = {}
    loaded = (each for each in heads if not each.source)
    for head in sorted(loaded, key=lambda each: (natural(each.version or ""), each.key)):
        found.setdefault(head.url, []).append(head)
    return found


def standing(heads: Iterable[Head]) -> Standing:
    """Return the systems that stand for stored CodeSystem resources."""
    return {(each.source, each.number): each for each in heads if each.source}


def stands_for(found: Standing, catalogue: Catalogue, canonical: str) -> Head | None:
    """Return what stands for the resource that a canonical means, None where that has no index."""
    entry = catalogue.find(canonical) if found else None
    return None if entry is None else found.get((f"{entry.type}/{entry.id}", entry.number))


def find(loaded: Loaded, canonical: str) -> Head | None:
    """Return the loaded system that a canonical means, None when there is none of that version.

    A version that names an edition of SNOMED CT means the newest of that edition
    (http://hl7.org/fhir/R4/snomedct.html#versions).
    """
    version = version_of(canonical)
    versions = loaded.get(unversioned(canonical), ())
    fitting = [
        each for each in versions if version in (None, each.version) or (each.version or "").startswith(f"{version}/")
    ]
    return fitting[-1] if fitting else None


def other_version(loaded: Loaded, canonical: str) -> NotExpandable | None:
    """Return what to say of a system that is loaded in other versions only, None when it is not loaded at all."""
    url = unversioned(canonical)
    if url not in loaded:
        return None
    here = ", ".join(each.version or "one without version" for each in loaded[url])
    reason = f"the code system {url} is not here in version {version_of(canonical)} but in {here}"
    return NotExpandable(url, reason, "load the version that is asked for, or ask for none", "not-found")


async def answer(concepts: Concepts, question: Question) -> Any:
    """Return the answer to a question about loaded concepts. Raises NotExpandable, TooCostly."""
    try:
        match question:
            case Look(key, codes):
                return await concepts.look(key, codes)
            case Detail(key, code):
                return await concepts.detail(key, code)
            case Among(selection, codes):
                return await concepts.among(selection, codes)
            case Slice(selection, skip, count):
                return await concepts.slice(selection, skip, count)
            case Count(selection):
                return await concepts.count(selection)
    except BadPattern as error:
        reason = f"a filter of the value set {error}"
        raise NotExpandable("", reason, "write the regular expression simpler, or list the codes") from error
