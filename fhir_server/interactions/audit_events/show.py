"""`GET [base]/AuditEvent/[id]` of an event of the server's own trail."""

from __future__ import annotations

from fhir_server.errors import BadRequest, NotFound
from fhir_server.interactions import audit, part
from fhir_server.interactions.access import trail_restriction_for
from fhir_server.interactions.audit_events.project import place_of, project
from fhir_server.interactions.call import Call, Result
from fhir_server.model.fhir_json import encode
from fhir_server.store.audit import AuditEvent, AuditQuery, Places


async def show(call: Call) -> Result:
    """Return the event: 200. Raises NotFound when there is none, or it is not the caller's to see."""
    demand_no_transaction(call)
    wanted = part.wanted_of_one(call.parameters, call.type)
    place = place_of(call.id or "")
    assert place is not None
    query = AuditQuery(Places((place,)), count=1)
    page = await call.services.store.audit_events(query, restriction=trail_restriction_for(call, "read"))
    if not page.events:
        raise NotFound(f"AuditEvent/{call.id} does not exist.")
    (event,) = page.events
    result = Result(200, body=part.of(shown(call, event), wanted), version="1", time=event.row.time)
    result.patients = () if event.patient is None else (event.patient,)
    return await audit.seen(call, "read" if call.version is None else "vread", result)


def demand_no_transaction(call: Call) -> None:
    """Raise BadRequest inside a transaction, which the trail, as it is read, would have to wait for."""
    if call.transaction is not None:
        raise BadRequest(
            "The audit trail cannot be read inside a transaction: ask for AuditEvents in a batch, or by themselves.",
            code="not-supported",
        )


def shown(call: Call, event: AuditEvent) -> bytes:
    """Return the event as the caller sees it."""
    return encode(project(event, call.services.base, whole=not call.principal.rights.limited))
