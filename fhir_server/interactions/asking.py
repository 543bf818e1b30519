"""What a search asks for: the parsed language, what to show of the matches, and where its page walk stands.

`search.parse` reads the criteria, `_type`, `_count`, `_sort` and the includes; here are the parameters that concern the
answer alone (http://hl7.org/fhir/R4/search.html#return).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from fhir_server.errors import BadRequest
from fhir_server.interactions import paging, part
from fhir_server.interactions.call import Call
from fhir_server.interactions.reaching import reaching
from fhir_server.interactions.terminology import Reading, answered
from fhir_server.model.compartments import ALL_TYPES, types_in
from fhir_server.model.summary import known_elements
from fhir_server.search.context import Contained
from fhir_server.search.cursor import Cursor
from fhir_server.search.parse import Search, parse
from fhir_server.search.query import Query
from fhir_server.search.refuse import refuse
from profiles.issues import Issue, Severity

Pairs = Sequence[tuple[str, str]]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "_total": ("none", "estimate", "accurate"),
    "_contained": ("false", "true", "both"),
    "_containedType": ("container", "contained"),
    "_explain": ("true", "false"),
}
"""Parameters that take one of a few words, once."""
SHOWING = frozenset({"_summary", "_elements", paging.CURSOR, *CHOICES})
"""What is read here and not by the parser."""
REVERSE = frozenset({"_revinclude", "_revinclude:iterate"})
WITHOUT_MATCHES = frozenset({"_sort", "_include", "_revinclude"})
"""What makes no difference where the number alone is asked for."""


class Asked(Struct, frozen=True):
    """A search as it was asked for; `count` 0 and `_summary=count` both mean the number only.

    `warnings` name what lenient handling ignored.
    `place` is where its walk goes on, `position` the commit it answers as of (None: the newest), `now` the time
    (microseconds since 1970) its first page was asked for, which the prefix `ap` hangs on.
    """

    search: Search
    part: part.Part
    total: str | None
    count: int
    explain: bool
    walk: paging.Walk
    place: Cursor | None
    position: int | None
    now: int
    warnings: tuple[Issue, ...]

    @property
    def only_number(self) -> bool:
        """Whether no matches are to be shown."""
        return self.count == 0 or self.part.summary == "count"

    @property
    def query(self) -> Query:
        """The page as the store is asked for it."""
        after = self.place.after if self.place else 0
        wanted = self.total in ("accurate", "estimate")
        return Query(self.search.targets, self.count, after, self.position, self.search.sort, wanted)


async def asking(call: Call) -> Asked:
    """Return what `call` asks for. Raises BadRequest for what cannot be answered, Gone for a walk that is too old."""
    criteria: list[tuple[str, str]] = []
    own: list[tuple[str, str]] = []
    for pair in call.parameters:
        # Empty parameters are no error, they are ignored (http://hl7.org/fhir/R4/search.html#errors).
        if pair[1] or pair[0] == paging.CURSOR:
            (own if pair[0] in SHOWING else criteria).append(pair)
    path = _path(call)
    # A next link repeats what was applied, so who follows it gives just that: the cursor can be opened before anything
    # is parsed, and everything is read as of the first page.
    given = tuple(paging.without_cursor(call.parameters)) if own else ()
    place = paging.place(call, paging.Walk(path, given)) if own else None
    choices = _choices(own)
    shown = part.wanted(own)
    now = call.services.now() if place is None else place.issued
    search, position = await _parsed(call, criteria, choices, place.position if place else None, now)
    _refuse_outside(call, search)
    search = reaching(call, search, _types(call, search))
    if search.includes and shown.summary == "text":
        raise BadRequest(
            "_include and _revinclude cannot be mixed with _summary=text: leave one of them out.", expression="_summary"
        )
    if unknown := _unknown_elements(call, search, shown):
        shown = part.Part(shown.summary, tuple(name for name in shown.elements if name not in unknown))
    asked = Asked(
        search=search,
        part=shown,
        total=choices.get("_total"),
        count=call.services.limits.page_default if search.count is None else search.count,
        explain=choices.get("_explain") == "true",
        walk=paging.Walk(path, search.applied),
        place=place,
        position=position,
        now=now,
        warnings=(*search.warnings, *unknown.values()),
    )
    return replace(asked, walk=paging.Walk(path, _applied(asked, own))) if own or asked.only_number else asked


def _applied(asked: Asked, own: Pairs) -> tuple[tuple[str, str], ...]:
    """Return what the links say: what was parsed, what is read here, and nothing that made no difference."""
    hidden = WITHOUT_MATCHES if asked.only_number else frozenset()
    return (
        *(pair for pair in asked.search.applied if pair[0].partition(":")[0] not in hidden),
        *(pair for pair in own if pair[0] not in ("_elements", "_explain", paging.CURSOR)),
        *((("_elements", ",".join(asked.part.elements)),) if asked.part.elements else ()),
    )


def read(
    call: Call,
    types: str | Sequence[str],
    parameters: Pairs,
    terminology: Reading,
    *,
    now: int,
    lenient: bool = False,
    contained: Contained = "false",
    by_container: bool = True,
) -> Search:
    """Return `parameters` parsed with the registry and under the limits of the tenant. Raises BadRequest.

    The options are those of `search.context`. Empty parameters are refused: a search has left them out before, and
    criteria of a write must not become wider by one.
    """
    services = call.services
    limits = services.limits
    _refuse_trail(parameters)
    return parse(
        types,
        parameters,
        services.registry,
        base=services.base,
        now=now,
        or_values=limits.or_values,
        page_max=limits.page_max,
        lenient=lenient,
        chain_depth=limits.chain_depth,
        compartment=call.compartment,
        terminology=terminology,
        contained=contained,
        by_container=by_container,
        parts=services.remembered.parts(services.registry),
    )


async def _parsed(
    call: Call, criteria: Pairs, choices: Mapping[str, str], position: int | None, now: int
) -> tuple[Search, int | None]:
    """Return the parsed search, and the commit as of which it must be answered."""
    lenient = call.prefer.lenient
    remembered, registry = call.services.remembered, call.services.registry
    contained = cast(Contained, choices.get("_contained", "false"))
    by_container = choices.get("_containedType", "container") == "container"
    key = (call.type, call.compartment, lenient, contained, by_container, tuple(criteria))
    known = remembered.get(key, registry)
    if known is not None:
        return known, position
    asked: list[Reading] = []

    def once(terminology: Reading) -> Search:
        asked.append(terminology)
        return read(
            call,
            call.type or (),
            criteria,
            terminology,
            now=now,
            lenient=lenient,
            contained=contained,
            by_container=by_container,
        )

    search, position = await answered(call, once, position=position, since=None if position is None else now)
    # What stands for codes of a loaded system is theirs of now.
    if not asked[-1].known and not asked[-1].used:
        remembered.keep(key, search)
    return search, position


def _types(call: Call, search: Search) -> Sequence[str]:
    """Return the types that the URL or `_type` names; none for a search over all of them."""
    if call.type is not None:
        return (call.type,)
    named = any(name == "_type" for name, _ in search.applied)
    return [target.type for target in search.targets] if named else ()


def _refuse_trail(parameters: Pairs) -> None:
    """Refuse what leads to AuditEvents from elsewhere: it would find those of other systems, and not one of our own."""
    for name, value in parameters:
        if "AuditEvent:" in name or "AuditEvent." in name or (name in REVERSE and value.startswith("AuditEvent:")):
            raise refuse(
                name.partition(":")[0],
                "no search leads to AuditEvents from another type: search for AuditEvents by entity or patient.",
                "not-supported",
            )


def _path(call: Call) -> str:
    if call.compartment is not None:
        return f"{'/'.join(call.compartment)}/{call.type or ALL_TYPES}"
    return call.type or ""


def _refuse_outside(call: Call, search: Search) -> None:
    """Refuse types that the compartment does not hold: nothing would be found, and that would look like an answer."""
    if call.compartment is None:
        return
    outside = {target.type for target in search.targets} - set(types_in(call.compartment[0]))
    if outside:
        raise BadRequest(
            f"_type: the compartment of a {call.compartment[0]} holds no {' and no '.join(sorted(outside))}.",
            expression="_type",
        )


def _unknown_elements(call: Call, search: Search, shown: part.Part) -> dict[str, Issue]:
    """Return what `_elements` names and no type searched has, with a warning each. Raises BadRequest unless lenient."""
    if not shown.elements:
        return {}
    known = frozenset[str]().union(*(known_elements(target.type) for target in search.targets))
    severity: Severity = "warning" if call.prefer.lenient else "error"
    issues = {
        name: Issue(
            severity, "not-supported", f"_elements: no type searched has an element {name[:64]!r}.", "_elements"
        )
        for name in shown.elements
        if name not in known
    }
    if issues and not call.prefer.lenient:
        raise BadRequest.of(list(issues.values()))
    return issues


def _choices(own: Pairs) -> Mapping[str, str]:
    """Return the words chosen. Raises BadRequest for others, and for two of them."""
    chosen: dict[str, str] = {}
    for name, value in own:
        words = CHOICES.get(name)
        if words is not None and (value not in words or name in chosen):
            raise BadRequest(f"{name} must be one of {', '.join(words)}, given once.", expression=name)
        chosen[name] = value
    return chosen
