"""What `_include` and `_revinclude` add to a page (http://hl7.org/fhir/R4/search.html#include).

The store takes one step along one include at a time, as of the page's position and under the caller's restriction; here
is how far to go. Every include starts from the matches. Those with `:iterate` go on from whatever was added, by
themselves or by others, until nothing new comes, so that the order in which they were given makes no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fhir_server.interactions.access import restriction_for
from fhir_server.interactions.call import Call
from fhir_server.interactions.paging import unexpired
from fhir_server.search.query import Include
from fhir_server.store.base import Key, Page, Version
from profiles.issues import Issue


@dataclass(frozen=True, slots=True)
class Included:
    """What was added to a page, in the order it was found; `issues` name the includes that were cut."""

    versions: tuple[Version, ...] = ()
    issues: tuple[Issue, ...] = ()


async def including(call: Call, page: Page, includes: Sequence[Include]) -> Included:
    """Return what `includes` add to the matches of `page`: each version once, and none that is a match.

    At most `Limits.includes` of them; what that leaves out is told as an issue. Raises Gone when the walk is too old.
    """
    if not includes or not page.versions:
        return Included()
    gathering = _Gathering(call, page.position, page.versions, call.services.limits.includes)
    iterating = [include for include in includes if include.iterate]
    new = await gathering.round(page.versions, includes)
    while new and iterating:
        new = await gathering.round(new, iterating)
    return Included(tuple(gathering.added), gathering.issues())


@dataclass(slots=True)
class _Gathering:
    call: Call
    position: int
    matches: Sequence[Version]
    limit: int
    # Versions are told apart, not resources: a reference to one leads to it, whichever else is on the page.
    known: set[tuple[Key, int]] = field(default_factory=set)
    added: list[Version] = field(default_factory=list)
    cut: dict[str, Include] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known.update([(each.key, each.number) for each in self.matches])

    async def round(self, versions: Sequence[Version], includes: Sequence[Include]) -> list[Version]:
        """Take one step from `versions` along each of `includes`, and return what is new."""
        before = len(self.added)
        for include in includes:
            found = await unexpired(
                self.call.reader.include(
                    versions,
                    include,
                    restriction=restriction_for(self.call, types=_found_by(include)),
                    position=self.position,
                    # Everything known may be found once more, so one more than there is room for shows that some is.
                    limit=len(self.matches) + self.limit + 1,
                )
            )
            self._add(found, include)
        return self.added[before:]

    def _add(self, found: Sequence[Version], include: Include) -> None:
        known = self.known
        new = [each for each in found if (each.key, each.number) not in known]
        room = self.limit - len(self.added)
        if len(new) > room:
            self.cut.setdefault(include.asked, include)
            new = new[:room]
        known.update([(each.key, each.number) for each in new])
        self.added += new

    def issues(self) -> tuple[Issue, ...]:
        """Name the includes that were cut."""
        return tuple(
            Issue(
                "warning",
                "too-costly",
                f"{include.asked}: cut, because a page takes at most {self.limit} included resources. The rest, and "
                "what would have been included from there, is on no other page: ask for fewer matches a page with "
                "_count, or search for the rest by itself.",
                "_revinclude" if include.reverse else "_include",
            )
            for include in self.cut.values()
        )


def _found_by(include: Include) -> frozenset[str] | None:
    """Return the types of what an include finds, None where it may be any."""
    if include.canonicals:
        return None
    found = include.source if include.reverse else include.target
    return frozenset((found,)) if found else None
