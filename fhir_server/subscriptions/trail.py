"""The audit row of a notification that has told of something: to whom, of which versions, and whose data that is."""

from __future__ import annotations

from auth.rights import NO_RIGHTS
from fhir_server.interactions.audit import row
from fhir_server.interactions.call import Call, Principal, Services
from fhir_server.interactions.subscribing.tables import TYPE, Owner
from fhir_server.interactions.telling.viewing import REQUEST
from fhir_server.store.base import AuditRow
from fhir_server.subscriptions.parcel import Parcel


def notified(services: Services, owner: Owner, id: str, parcel: Parcel, status: int) -> AuditRow:
    """Return the row of a parcel that went out for the subscription `id`; `status` says how that ended."""
    principal = Principal(owner.actor, NO_RIGHTS, owner.account, owner.client, owner.grant)
    call = Call(services, principal, REQUEST, TYPE, id)
    details = {"shown": list(parcel.shown)}
    return row(call, "notify", status, time=services.now(), patients=parcel.patients, details=details)
