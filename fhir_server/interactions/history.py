"""history of a resource, a type or everything: `GET [base]/[type]/[id]/_history` and so on.

http://hl7.org/fhir/R4/http.html#history: newest first, deletions included, bounded by `_since` and `_at`. The pages of
one walk answer as of the commit that the first page saw.
"""

from __future__ import annotations

from dataclasses import replace

from fhir_server.errors import BadRequest, NotFound
from fhir_server.interactions import audit, binary, paging, part
from fhir_server.interactions.access import demand, restriction_for, within
from fhir_server.interactions.audit_events.external import is_own
from fhir_server.interactions.call import Call, Result
from fhir_server.model import bundle
from fhir_server.store.base import Key, Scope
from profiles.datatypes.temporal import date_range

PARAMETERS = ("_since", "_at", "_count", "_summary", "_elements")


async def history(call: Call) -> Result:
    """Return a page of versions as a history Bundle. Raises NotFound for a resource that never was."""
    if is_own(call.type, call.id):
        raise NotFound(f"AuditEvent/{call.id} has one version for ever, and no history: read AuditEvent/{call.id}.")
    shown = part.wanted_of_one(call.parameters, call.type)
    _demand_scope(call)
    scope, walk = _asked(call)
    place = paging.place(call, walk)
    if place is not None:
        scope = replace(scope, after=place.after, position=place.position)
    elif call.type is not None and call.id is not None:
        await _demand_existence(call, Key(call.type, call.id))
    page = await paging.unexpired(call.reader.history(scope, restriction=restriction_for(call, "history")))
    base = call.services.base
    bodies = await binary.wholes(call, page.versions)
    entries = (
        bundle.history_entry(
            base, v.key.type, v.key.id, v.number, v.time, v.method, body if v.deleted else part.of(body, shown)
        )
        for v, body in zip(page.versions, bodies, strict=True)
    )
    body = bundle.history(None, paging.links(call, walk, page, place), entries)
    patients = audit.patients_of_all(page.versions)
    return await audit.seen(call, "history", Result(200, body=body, patients=patients))


def _demand_scope(call: Call) -> None:
    """Refuse a type that is not in scope; the history of many resources is a search for them as well."""
    if call.type is not None:
        demand(call, "history", call.type)
        if call.id is None:
            demand(call, "search", call.type)


async def _demand_existence(call: Call, key: Key) -> None:
    """A deleted resource has a history, one that never was has none; an empty page could mean either."""
    if await call.reader.read(key, restriction=within(call, "history", key.type)) is None:
        raise NotFound(f"{key.type}/{key.id} does not exist and never did.")


def _asked(call: Call) -> tuple[Scope, paging.Walk]:
    """Return the history that the parameters ask for, and the walk with those that were understood."""
    limits = call.services.limits
    scope = Scope(type=call.type, id=call.id, count=limits.page_default)
    applied: dict[str, str] = {}
    for name, value in paging.without_cursor(call.parameters):
        if name not in PARAMETERS:
            if call.prefer.lenient:
                continue
            raise BadRequest(
                f"History has no parameter {name[:40]}; it has {', '.join(PARAMETERS)}.", expression=name[:40]
            )
        if name in applied:
            raise BadRequest(f"{name} may be given once.", expression=name)
        if name == "_count":
            scope = replace(scope, count=paging.count(value, limits))
            applied[name] = str(scope.count)
            continue
        applied[name] = value
        if name in part.NAMES:
            continue
        low, high = _range(name, value)
        scope = replace(scope, since=low) if name == "_since" else replace(scope, at=(low, high))
    path = "/".join(part for part in (call.type, call.id, "_history") if part)
    return scope, paging.Walk(path, tuple(applied.items()))


def _range(name: str, value: str) -> tuple[int, int]:
    try:
        return date_range(value)
    except ValueError:
        raise BadRequest(
            f"{name} must be a date or an instant, such as 2024-05-01 or 2024-05-01T09:30:00Z (write + as %2B).",
            expression=name,
        ) from None
