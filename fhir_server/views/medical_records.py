"""Medical records: written by the doctor who answers for them, each change as one transaction."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from auth.errors import Denied
from fhir_server.errors import Forbidden, NotFound
from fhir_server.interactions.call import Content, Resource
from fhir_server.interactions.read import read
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import nearest_instant
from fhir_server.views.acting import Acting
from fhir_server.views.anew import anew
from fhir_server.views.demand_version import demand_version
from fhir_server.views.find import find
from fhir_server.views.former_people import is_there, of_now
from fhir_server.views.held import held, still_held
from fhir_server.views.listing import Wanted, listing
from fhir_server.views.notify import notify
from mappings.errors import Unfit
from mappings.transactions.act import Act
from mappings.transactions.occasion import HALF_A_DAY, about
from mappings.transactions.record import File, attach_files, create_record, etag, remove_record, update_record
from mappings.transactions.take_up import taken
from mappings.views import appointment
from mappings.views.attachments import is_media_type
from mappings.views.check import settable
from mappings.views.kind import ID, MOMENT
from mappings.views.medical_record import VIEW
from mappings.views.show import show
from mappings.views.view import Parts, Values
from profiles.datatypes.temporal import date_range
from profiles.issues import Issue


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it is sent: its name, its media type, its bytes, and the strong entity tag of these."""

    filename: str
    content_type: str
    content: Content
    tag: str


UNKNOWN = "application/octet-stream"
"""The media type of a file that has none, or one of others that no header can hold."""
OWNERS = ("patient_id", "doctor_id")
ONLY_DOCTORS = "Only doctors write medical records."


async def create(acting: Acting, record: Values) -> Parts:
    """Write a new record of the doctor who asks, and tell the patient. Raises Denied, Unfit, Forbidden."""
    if acting.account.role != "doctor":
        raise Denied(ONLY_DOCTORS)
    record = {"doctor_id": acting.account.id} | settable(VIEW, await of_now(acting, record))
    if record["doctor_id"] != acting.account.id:
        raise Unfit(
            [Issue("error", "invalid", "must be your own id: whoever writes a record answers for it", OWNERS[1])]
        )
    return await find(acting, VIEW, await anew(lambda: _created(acting, record), None))


async def _created(acting: Acting, record: Values) -> str:
    """Write a new record; return its id. Raises PreconditionFailed when the Encounter it takes has moved meanwhile."""
    act, patient = await _about(acting, record), str(record.get("patient_id"))
    act = taken(act, await held(acting, act, patient, acting.desk.services.store))
    bundle = create_record(record, act)
    made = next(entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == VIEW.root)
    new = [entry["resource"]["id"] for entry in bundle["entry"] if "ifNoneMatch" in entry["request"]]
    link = f"/medical_records/{made['id']}"
    told = notify(acting.desk, acting.asker, "medical_record_created", made["subject"]["reference"], link)
    try:
        await acting.write(bundle, [still_held(acting, act, patient, new), told])
    except Forbidden:
        if await is_there(acting, "Patient", patient):
            raise
        raise Denied("There is no patient with that id in your care, whom you could write about.") from None
    return str(made["id"])


async def _about(acting: Acting, record: Values) -> Act:
    """Return the act of writing a record, about the consultation of the appointment nearest to it, if there is one."""
    act, patient, moment = acting.act(), record.get("patient_id"), record.get("consultation_date")
    if ID.fault(patient) or MOMENT.fault(moment):
        return act  # Refused for that when it is written.
    at = date_range(str(moment))[0]
    sides = {"patient_id": str(patient), "doctor_id": acting.account.id}
    around = {"from": nearest_instant(at - HALF_A_DAY), "to": nearest_instant(at + HALF_A_DAY)}
    found = await listing(acting, appointment.VIEW, Wanted({**sides, **around}, per_page=100))
    return about(act, [show(appointment.VIEW, each) for each in found.records], str(moment))


async def update(acting: Acting, id: str, record: Values, if_match: str | None = None) -> Parts:
    """Bring a record to what is said. Raises NotFound, PreconditionFailed, Unfit, Forbidden."""
    stored = await find(acting, VIEW, id)
    demand_version(etag(stored), if_match)
    shown, record = show(VIEW, stored), await of_now(acting, record)
    moved = [name for name in OWNERS if name in record and record[name] != shown[name]]
    if moved:
        raise Unfit([Issue("error", "invalid", "cannot be changed: make another record", name) for name in moved])
    return await _written(acting, id, stored, update_record(record, stored, acting.act()))


async def attach(acting: Acting, id: str, files: Sequence[File], if_match: str | None = None) -> Parts:
    """Add files to a record, to others that are added at the same time. Raises as `update`."""

    async def attached() -> Parts:
        stored = await find(acting, VIEW, id)
        demand_version(etag(stored), if_match)
        return await _written(acting, id, stored, attach_files(files, stored, acting.act()))

    return await anew(attached, if_match)


async def remove(acting: Acting, id: str, if_match: str | None = None) -> None:
    """Take a record out of the view; its versions are kept. Raises NotFound, PreconditionFailed, Forbidden."""
    stored = await find(acting, VIEW, id)
    demand_version(etag(stored), if_match)
    await _write(acting, stored, remove_record(stored, acting.act()))


async def attachment(acting: Acting, id: str, file: str) -> Download:
    """Return a file of a record. Raises NotFound."""
    return await file_of(acting, await find(acting, VIEW, id), file)


async def file_of(acting: Acting, stored: Parts, file: str) -> Download:
    """Return a file of a record whose parts were read. Raises NotFound."""
    shown = next((each for each in show(VIEW, stored)["attachments"] if each["id"] == file), None)
    if shown is None:
        raise NotFound("The medical record has no attachment with that id.")
    document = next(each for each in stored["DocumentReference"] if each["id"] == file)
    type, _, binary = document["content"][0]["attachment"].get("url", "").partition("/")
    if type != "Binary":
        raise NotFound("The content of that attachment is not kept here.")
    result = await read(acting.call(type, id=binary, streams=True))
    content = result.content or _inline(parse(result.body or b"{}"))
    type = shown["content_type"]
    tag = f'"{binary}.{result.version}"'
    return Download(shown["filename"] or file, type if is_media_type(type) else UNKNOWN, content, tag)


def _inline(binary: Resource) -> Content:
    raw = b64decode(binary.get("data", ""))

    async def pieces(start: int) -> AsyncIterator[bytes]:
        yield raw[start:]

    return Content(len(raw), pieces)


async def _written(acting: Acting, id: str, stored: Parts, bundle: Resource) -> Parts:
    if not bundle["entry"]:
        return stored
    await _write(acting, stored, bundle)
    return await find(acting, VIEW, id)


async def _write(acting: Acting, stored: Parts, bundle: Resource) -> None:
    """Write a change of a record. Raises Denied, which says what a refusal of its resources means for the record."""
    try:
        await acting.write(bundle)
    except Forbidden:
        if acting.account.role != "doctor":
            raise Denied(ONLY_DOCTORS) from None
        patient = show(VIEW, stored)["patient_id"]
        if patient is None or await is_there(acting, "Patient", patient):
            raise
        message = (
            "The patient is not in your care any more: you can read what you have written, and no longer change it."
        )
        raise Denied(message) from None
