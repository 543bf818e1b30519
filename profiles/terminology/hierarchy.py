"""Subsumption: which codes are kinds of a code, and of which codes it is a kind.

See http://hl7.org/fhir/R4/codesystem.html#subsumption. A code always subsumes itself.
"""

from __future__ import annotations

from typing import TypeVar

from profiles.terminology.canonical import unversioned
from profiles.terminology.code_system import CodeSystem
from profiles.terminology.errors import NotExpandable
from profiles.terminology.expand import LIMIT
from profiles.terminology.indexed import Indexed
from profiles.terminology.sources import Resolve, System, find_code_system

_Known = TypeVar("_Known", bound=System)


def below(system: str, code: str, resolve: Resolve, limit: int | None = LIMIT) -> frozenset[str]:
    """Return `code` and the codes of `system` that it subsumes.

    `resolve` gives the CodeSystem resource of a canonical, None where it has none; R4's own code systems are known.
    Raises NotExpandable for a system that is unknown, not complete or without a hierarchy that means "is a", for a
    code it does not have, and for more than `limit` codes.
    """
    return _few(system, _hierarchy(system, code, resolve).below(code), limit)


def above(system: str, code: str, resolve: Resolve, limit: int | None = LIMIT) -> frozenset[str]:
    """Return `code` and the codes of `system` that subsume it; arguments and errors are those of `below`."""
    return _few(system, _hierarchy(system, code, resolve).above(code), limit)


def _hierarchy(system: str, code: str, resolve: Resolve) -> CodeSystem:
    found = demand_subsuming(find_code_system(system, resolve))
    if isinstance(found, Indexed):
        reason = f"the codes of the loaded code system {found.url} are not listed"
        raise NotExpandable(found.url, reason, "ask for fewer codes", "too-costly")
    if not found.has(code):
        # The code is the asker's own word and could be anything, so it is not repeated.
        url = found.url
        raise NotExpandable(url, f"the code system {url} does not have the code asked for", "correct the code")
    return found


def demand_subsuming(found: _Known) -> _Known:
    """Return the code system. Raises NotExpandable when its hierarchy does not mean "is a"."""
    url = found.url
    if not found.subsuming:
        stated = f"a hierarchy that means {found.meaning!r}" if found.meaning else "no hierarchy of concepts"
        reason = f"the code system {url} has {stated}, so no code of it is above or below another"
        raise NotExpandable(url, reason, "search for the code itself, without modifier")
    return found


def _few(system: str, codes: frozenset[str], limit: int | None) -> frozenset[str]:
    if limit is not None and len(codes) > limit:
        reason = f"{len(codes):,} codes of {system} fit, more than {limit:,}"
        raise NotExpandable(unversioned(system), reason, "ask for a code that is closer", "too-costly")
    return codes
