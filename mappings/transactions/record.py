"""A medical record written as one transaction: Composition, Encounter, files, and who did it.

Every function gives a transaction Bundle that is the whole change or nothing. Resources that exist are replaced only in
the version they were read in (`ifMatch`), so that of two writers one is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from mappings.concepts.names import CONSULTATION, FRANCE, LOINC, definition
from mappings.errors import Unfit
from mappings.paths.path import Json
from mappings.transactions.act import Act, changes, create, provenance, transaction
from mappings.transactions.take_up import take_up
from mappings.views.attachments import document, file_faults
from mappings.views.check import settable
from mappings.views.consultation import is_of_record, is_of_room
from mappings.views.medical_record import VIEW
from mappings.views.moments import is_before
from mappings.views.show import show, value_of
from mappings.views.soap import is_own
from mappings.views.view import Parts, Values
from mappings.views.write import write
from profiles.issues import Issue

TITLE_OF_VISIT = "Compte rendu de consultation"


@dataclass(frozen=True, slots=True)
class File:
    """A file to be attached: what it is called, its media type, its bytes; `id` where it has one already."""

    filename: str
    content_type: str
    content: bytes
    id: str | None = None


def create_record(record: Values, act: Act, files: Sequence[File] = ()) -> Json:
    """Return the transaction that makes a record.

    Id and times are the act's, unless the record has its own: take those of a client away first (`settable`). Raises
    Unfit, naming fields, also for attachments that the record names: it has those in `files`, and no others. An
    Encounter that is there is taken in the version it was read in.
    """
    if record.get("attachments", []) != []:
        raise Unfit(
            [Issue("error", "invalid", "must be empty in a new record: send its files afterwards", "attachments")]
        )
    made = {"id": act.new_id(), "inserted_at": act.moment, "updated_at": act.moment} | dict(record)
    parts = write(VIEW, made | {"attachments": []})
    composition, encounter = parts["Composition"][0], parts["Encounter"][0]
    if not act.remote:
        _at_the_office(composition, encounter)
    stored: Parts = {}
    told = parts
    if act.encounter is None:
        _begin(encounter, composition, act)
        if act.appointment is not None:
            encounter["appointment"] = [{"reference": f"Appointment/{act.appointment}"}]
    else:
        stored, told = {"Encounter": [act.encounter]}, {"Composition": [composition]}
        encounter = take_up(act.encounter, parts, record)
        _refer(encounter, composition, act)
    if act.ended is not None and is_of_record(encounter):
        encounter = end_consultation(encounter, act.ended)
    parts["Encounter"] = [encounter]
    return transaction([*_with_files(stored, parts, files, act), _told(told, act, "CREATE")])


def update_record(record: Values, stored: Parts, act: Act) -> Json:
    """Return the transaction that brings a stored record to what `record` says; without entries when nothing changes.

    What the server keeps (id, times) is not taken from `record`. Raises Unfit, naming fields, also for files that the
    record does not have: they are attached, not named.
    """
    record = settable(VIEW, record)
    known = {each["id"] for each in show(VIEW, stored)["attachments"]}
    if isinstance(record.get("attachments"), list):
        named = {each.get("id") for each in record["attachments"] if isinstance(each, dict)}
        if not named <= known:
            raise Unfit([Issue("error", "invalid", "must only name files of the record", "attachments")])
    if write(VIEW, record, stored) == stored:
        return transaction(())
    parts = write(VIEW, record | {"updated_at": act.moment}, stored)
    for encounter in parts.get("Encounter", ()):
        if "id" not in encounter:
            _begin(encounter, parts["Composition"][0], act)
    return transaction([*changes(stored, parts), _told(parts, act, "UPDATE")])


def attach_files(files: Sequence[File], stored: Parts, act: Act) -> Json:
    """Return the transaction that adds files to a stored record. Raises Unfit, naming fields."""
    parts = write(VIEW, {"updated_at": act.moment}, stored)
    return transaction([*_with_files(stored, parts, files, act), _told(parts, act, "UPDATE")])


def remove_record(stored: Parts, act: Act) -> Json:
    """Return the transaction that takes a record out of the view: it is marked as entered in error, and kept."""
    parts = deepcopy(stored)
    parts["Composition"][0]["status"] = "entered-in-error"
    for each in parts.get("DocumentReference", ()):
        each["status"] = "entered-in-error"
    return transaction([*changes(stored, parts), _told(parts, act, "DELETE")])


def end_consultation(encounter: Json, ended: str) -> Json:
    """Return the Encounter of a record with the end of the consultation; as it is where it has one, or began later."""
    period = encounter.get("period", {})
    if "end" in period or "start" not in period or not is_before(period["start"], ended):
        return encounter
    return encounter | {"period": period | {"end": ended}}


def etag(parts: Parts) -> str:
    """Return the weak ETag of a record: it changes with the version of any of its own resources.

    Of an Encounter that a room moves it changes with what is shown of that one.
    """
    own = [each for type in ("Composition", "Encounter", "DocumentReference") for each in parts.get(type, ())]
    return f'W/"{".".join(_tag(each, parts) for each in own)}"'


def _tag(resource: Json, parts: Parts) -> str:
    if resource["resourceType"] == "Encounter" and is_of_room(resource) and is_own(parts["Composition"][0]):
        return str(value_of(VIEW.field("priority"), parts))
    return str(resource.get("meta", {}).get("versionId", "0"))


def _begin(encounter: Json, composition: Json, act: Act) -> None:
    """Give a new Encounter its id and its identifier, and the Composition the reference to it."""
    encounter["id"] = act.new_id()
    encounter["identifier"] = [{"system": CONSULTATION, "value": encounter["id"]}]
    _refer(encounter, composition, act)


def _refer(encounter: Json, composition: Json, act: Act) -> None:
    """Give the Composition the reference to its Encounter, which conforms to FR Core where that is installed."""
    composition["encounter"] = {"reference": f"Encounter/{encounter['id']}"}
    identifiers = encounter.get("identifier", [])
    if act.french and any(each.get("system") == CONSULTATION for each in identifiers):
        kind = {"coding": [{"system": f"{FRANCE}/CodeSystem/fr-core-cs-identifier-type", "code": "VN"}]}
        encounter["identifier"] = [
            {"type": kind} | each if each.get("system") == CONSULTATION else each for each in identifiers
        ]
        profiles = [definition("fr-encounter"), f"{FRANCE}/StructureDefinition/fr-core-encounter"]
        encounter["meta"] = encounter.get("meta", {}) | {"profile": profiles}


def _at_the_office(composition: Json, encounter: Json) -> None:
    for coding in composition["type"]["coding"]:
        if coding["system"] == LOINC:
            coding["code"] = "11488-4"
    composition["title"] = TITLE_OF_VISIT
    encounter["class"]["code"] = "AMB"


def _with_files(stored: Parts, parts: Parts, files: Sequence[File], act: Act) -> list[Json]:
    """Put files into the parts, behind those that are there, and return the entries of all that changes."""
    faults = [(index, *fault) for index, each in enumerate(files) for fault in file_faults(each)]
    if faults:
        raise Unfit([Issue("error", "invalid", message, f"attachments[{at}].{part}") for at, part, message in faults])
    composition = parts["Composition"][0]
    listed: list[Any] = show(VIEW, parts)["attachments"]
    binaries: list[Json] = []
    documents = list(parts.get("DocumentReference", ()))
    for each in files:
        named = {
            "id": each.id or act.new_id(),
            "binary_id": act.new_id(),
            "filename": each.filename,
            "content_type": each.content_type,
        }
        made, binary = document(named, each.content, composition, act.moment)
        documents.append(made)
        binaries.append(binary)
        listed.append({"id": named["id"]})
    if files:
        parts = write(VIEW, {"attachments": listed}, parts | {"DocumentReference": documents})
    return [*changes(stored, parts), *map(create, binaries)]


def _told(parts: Parts, act: Act, activity: str) -> Json:
    composition = parts["Composition"][0]
    own = [composition, *parts.get("Encounter", ())]
    targets = [f"{each['resourceType']}/{each['id']}" for each in own]
    patient = composition.get("subject", {}).get("reference")
    return provenance(act, activity, [*targets, patient] if patient else targets)
