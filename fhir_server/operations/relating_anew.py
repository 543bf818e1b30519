"""Care relations and refusals told anew, slice by slice, of every Consent, CareTeam and Appointment that is stored.

So is whose the Binaries are, where there are any, of everything that has attachments by its type. It is due once for
each policy that relations rest on, and for what was stored before there were any: its record, of which there is one,
says by which it was done. Each slice is read and told in one write together with how far the job
is, so a kill costs nothing. What is committed meanwhile tells for itself, and is told the same once more.

    accepted -> in-progress -> completed
"""

from __future__ import annotations

import hashlib
from typing import Any

from fhir_server.interactions.attaching import attached_anew
from fhir_server.interactions.call import Services
from fhir_server.interactions.relating import retelling
from fhir_server.operations.reindexing import ACCEPTED, COMPLETED, OPEN, RUNNING, TABLE
from fhir_server.store.base import Record, Snapshot, Transaction
from profiles.restriction import ALL

KIND = "relations"
FORMAT = 3
"""Changes when the same resources come to mean other relations."""
ORDER = ("Consent", "CareTeam", "Appointment")
"""Consents first: telemedicine that is refused opens nothing by appointments."""
ATTACHING = (
    "Binary",
    "Communication",
    "Contract",
    "DiagnosticReport",
    "DocumentManifest",
    "DocumentReference",
    "Media",
    "Patient",
    "Person",
    "QuestionnaireResponse",
    "RelatedPerson",
)
"""What else names Binaries in elements of the type Attachment, or as its content."""
SLICE = 50
"""Resources in one write."""


async def due(services: Services) -> None:
    """Request the job unless it was done, or is under way, by the policy of now."""
    job = await services.store.records.get(TABLE.name, KIND)
    mark = _mark(services)
    if job is not None and job.value["mark"] == mark:
        return
    counts = await services.store.counts()
    asked = (*ORDER, *ATTACHING) if counts.get("Binary") else ORDER
    types = [[type, counts[type], 0] for type in asked if counts.get(type)]
    value: dict[str, Any] = {"kind": KIND, "created": services.now(), "mark": mark, "types": types, "at": 0, "after": 0}
    value |= {"status": ACCEPTED} if types else {"status": COMPLETED, "finished": services.now()}
    expect = job.revision if job else 0
    await services.store.write(lambda tx: tx.records.put(TABLE.name, KIND, value, expect=expect))


async def unfinished(reader: Snapshot) -> list[Record]:
    """Return the job if it is not finished."""
    job = await reader.records.get(TABLE.name, KIND)
    return [job] if job is not None and job.value["status"] in OPEN else []


async def advance(services: Services, job: Record) -> Record:
    """Tell the next resources and return the record, `completed` at the end. Raises StoreUnavailable, StoreFull."""
    value = dict(job.value) | {"status": RUNNING}
    if value["at"] == len(value["types"]):
        value |= {"status": COMPLETED, "finished": services.now()}
        return await services.store.write(lambda tx: tx.records.put(TABLE.name, KIND, value, expect=job.revision))
    type, total, done = value["types"][value["at"]]
    page = await services.store.living(type, restriction=ALL, after=value["after"], limit=SLICE)
    done = total if page.next is None else min(done + len(page.versions), total)
    value["types"] = [list(each) for each in value["types"]]
    value["types"][value["at"]] = [type, total, done]
    value |= {"at": value["at"] + 1, "after": 0} if page.next is None else {"after": page.next}

    async def work(tx: Transaction) -> Record:
        for version in page.versions:
            if type in ORDER:
                await retelling(tx, version.key, services.access)
            await attached_anew(services, tx, version.key)
        return await tx.records.put(TABLE.name, KIND, value, expect=job.revision)

    return await services.store.write(work)


def _mark(services: Services) -> str:
    """Return what tells apart the policies that give other relations."""
    rests = (FORMAT, services.access.days_after, sorted(services.access.openers))
    return hashlib.sha256(repr(rests).encode()).hexdigest()[:16]
