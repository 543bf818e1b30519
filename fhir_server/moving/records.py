"""Medical records with their attachments: the transaction of the API, under the ids of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fhir_server.interactions.call import Call
from fhir_server.interactions.conditional import criteria_of
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import nearest_instant
from fhir_server.moving.arriving import Arrival, Arriving, Row, fault, refuse
from fhir_server.moving.dump import ATTACHMENTS
from fhir_server.views.acting import HOUSE
from fhir_server.views.former import former_key
from mappings.transactions.act import Act
from mappings.transactions.occasion import HALF_A_DAY, about
from mappings.transactions.record import File, create_record
from mappings.views import appointment
from mappings.views.check import check
from mappings.views.former import FAULT, add_former, former_text
from mappings.views.kind import MOMENT
from mappings.views.medical_record import VIEW
from mappings.views.show import show
from profiles.datatypes.temporal import date_range
from profiles.issues import Issue
from profiles.restriction import ALL

OWNERS = {"patient_id": "patient", "doctor_id": "doctor"}
KEPT_AS = appointment.VIEW.root
NEAR = 100
"""Appointments of one patient with one doctor within a day that are looked at."""
FILE_FIELDS = ("id", "filename", "content_type", "size", "url")


async def medical_record(arriving: Arriving, id: str, line: Mapping[str, Any]) -> Arrival:
    """Return the record of a line, written by its doctor when it was written. Raises Unfit."""
    users, issues = await arriving.users(line, OWNERS)
    files, more = _files(arriving.folder, line.get("attachments"))
    owned = ("id", "attachments", *OWNERS)
    record = timed({name: value for name, value in line.items() if name not in owned})
    refuse([*issues, *more, *check(VIEW, record), *_moments(record)])
    ids = {name: row["id"] for name, row in users.items()}
    author, new_id = f"Practitioner/{ids['doctor_id']}", arriving.services.new_id
    act = await _about(arriving, ids, record, Act(author, str(record["inserted_at"]), new_id))
    made = {"id": new_id()} | record | ids
    named = {new_id(): (former, file) for former, file in files}
    bundle = create_record(
        made, act, [File(f.filename, f.content_type, f.content, new) for new, (_, f) in named.items()]
    )
    rows: dict[str, Row] = {former_key(VIEW.name, id): {"id": made["id"]}}
    for resource in (each["resource"] for each in bundle["entry"]):
        if resource["resourceType"] == "Encounter":
            add_former(resource, VIEW.name, id)
        elif resource["resourceType"] == "DocumentReference":
            former = named[resource["id"]][0]
            add_former(resource, "attachment", former)
            rows[former_key("attachment", former)] = {"id": resource["id"]}
    weight = sum(len(file.content) for _, file in files)
    return Arrival(bundle["entry"], author, rows, list(rows), weight=weight)


def timed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with both its times: where one is missing or null, it is the other."""
    made, changed = record.get("inserted_at"), record.get("updated_at")
    times = {
        "inserted_at": changed if made is None else made,
        "updated_at": made if changed is None else changed,
    }
    return {**record, **{name: time for name, time in times.items() if time is not None}}


async def _about(arriving: Arriving, ids: Mapping[str, str], record: Mapping[str, Any], act: Act) -> Act:
    """Return the act of writing a record, about the consultation of the appointment nearest to it, if there is one."""
    moment = record.get("consultation_date")
    if MOMENT.fault(moment):
        return act  # Refused for that when it is written.
    at = date_range(str(moment))[0]
    asked = [
        ("patient", f"Patient/{ids['patient_id']}"),
        ("actor", f"Practitioner/{ids['doctor_id']}"),
        ("date", f"ge{nearest_instant(at - HALF_A_DAY)}"),
        ("date", f"le{nearest_instant(at + HALF_A_DAY)}"),
    ]
    criteria = await criteria_of(Call(arriving.services, HOUSE, "", KEPT_AS), KEPT_AS, asked)
    found = await arriving.services.store.matches(KEPT_AS, criteria.where, restriction=ALL, limit=NEAR)
    there = [each for each in (parse(version.body) for version in found) if not appointment.VIEW.hides(each)]
    return about(act, [show(appointment.VIEW, {KEPT_AS: [each]}) for each in there], str(moment))


def _moments(record: Mapping[str, Any]) -> Sequence[Issue]:
    if record.get("inserted_at") is None:
        return [fault("inserted_at", "is needed")]
    told = MOMENT.fault(record["inserted_at"])
    return [fault("inserted_at", told)] if told else []


def _files(folder: Path, listed: Any) -> tuple[list[tuple[str, File]], list[Issue]]:
    """Return the files that a record lists with their former ids, and what is wrong with them."""
    if listed is None:
        return [], []
    if not isinstance(listed, list):
        return [], [fault("attachments", "must be a list of files")]
    found: list[tuple[str, File]] = []
    issues: list[Issue] = []
    for index, each in enumerate(listed):
        name = f"attachments[{index}]"
        told = _file_fault(folder, each, [former for former, _ in found])
        if told is None:
            former = str(former_text(each["id"]))
            content = (folder / ATTACHMENTS / former).read_bytes()
            found.append((former, File(each.get("filename"), each.get("content_type"), content)))
            if not content:
                issues.append(fault(f"{name}.url", "names a file that is empty"))
            elif each.get("size", len(content)) != len(content):
                issues.append(fault(f"{name}.size", f"is not that of the file, which has {len(content):,} bytes"))
        else:
            issues.append(fault(f"{name}{told[0]}", told[1]))
    return found, issues


def _file_fault(folder: Path, file: Any, before: Sequence[str]) -> tuple[str, str] | None:
    if not isinstance(file, Mapping):
        return "", "must be an object"
    strange = [each for each in file if each not in FILE_FIELDS]
    if strange:
        return f".{strange[0][:64]}", "is no field of an attachment"
    former = former_text(file.get("id"))
    if former is None:
        return ".id", FAULT
    if former in before:
        return ".id", "names a file that the record has already"
    if file.get("url", f"{ATTACHMENTS}/{former}") != f"{ATTACHMENTS}/{former}":
        return ".url", f"must be {ATTACHMENTS}/ and the id"
    path = folder / ATTACHMENTS / former
    return None if path.is_file() else (".url", "names a file that the dump does not have")
