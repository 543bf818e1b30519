"""A medical record as a FHIR document, for systems that keep it elsewhere: only if the patient has agreed to that."""

from __future__ import annotations

from itertools import chain
from uuid import uuid4

from auth.errors import Denied
from fhir_server.errors import Conflict, Gone, NotFound
from fhir_server.interactions.audit import seen
from fhir_server.interactions.call import Resource, Result
from fhir_server.interactions.read import read
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import instant
from fhir_server.views.acting import Acting
from fhir_server.views.consents import is_granted
from fhir_server.views.find import find
from fhir_server.views.former import moved
from mappings.documents.document import document, wanted
from mappings.views.medical_record import VIEW
from mappings.views.show import show

CONSENT = "mes_export"


async def export(acting: Acting, id: str) -> Resource:
    """Return the document Bundle of a record, made of what is within reach of who asks.

    Raises NotFound, Denied without the patient's consent, Conflict when a part of the record cannot be read.
    """
    row = await moved(acting.desk.services.store.records, VIEW.name, id)
    parts = await find(acting, VIEW, id if row is None else str(row["id"]))
    if not await is_granted(acting, CONSENT, show(VIEW, parts)["patient_id"]):
        raise Denied(f"The patient has not agreed to this: it needs the consent {CONSENT}.")
    composition, base = parts[VIEW.root][0], acting.desk.services.base
    found = [each for each in chain.from_iterable(parts.values()) if each is not composition]
    while missing := wanted(composition, found, base):
        found += [await _read(acting, each) for each in missing]
    moment = instant(acting.desk.services.now())
    made = document(composition, found, identifier=str(uuid4()), moment=moment, base=base)
    patient = str(composition["subject"]["reference"]).removeprefix("Patient/")
    await seen(acting.call(VIEW.root, id=composition["id"]), "export", Result(200, patients=(patient,)))
    return made


async def _read(acting: Acting, reference: str) -> Resource:
    type, _, id = reference.partition("/")
    try:
        result = await read(acting.call(type, id=id))
    except (NotFound, Gone):
        raise Conflict(
            f"The record refers to a {type} that is not there for you: the document would lack it."
        ) from None
    resource: Resource = parse(result.body or b"{}")
    return resource
