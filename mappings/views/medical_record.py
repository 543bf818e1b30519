"""The view `medical_record`: a SOAP note as Composition, with the Encounter it is about and its files.

The shape is a contract with the front end. Records that others have written through FHIR, a Composition with SOAP
sections and none of our extensions, are shown as well as they can be.
"""

from __future__ import annotations

from mappings.concepts.bijection import bijection, codes
from mappings.concepts.names import ACT, HL7, LOINC, RECORD, TAG, definition, system
from mappings.paths.parse_path import parse_path
from mappings.paths.path import Json
from mappings.paths.write_path import write_path
from mappings.views.attachments import ATTACHMENTS, SHOWN, read_attachments, write_attachments
from mappings.views.complete_record import complete_record
from mappings.views.consultation import is_of_room
from mappings.views.kind import AGE, FILLED, ID, LINE, MOMENT, OR_NONE, TEXT, WHEN, nearest, one_of, reference
from mappings.views.moments import COMPLETED, DAY, DAY_OF_MOMENT
from mappings.views.people import NAME
from mappings.views.record_category import read_category, write_category
from mappings.views.record_status import read_status, write_status
from mappings.views.show import value_of
from mappings.views.soap import NOTE, TITLES, is_own, is_soap_note, soap_field
from mappings.views.tags import TAGS, read_tags, tag_code, write_tags
from mappings.views.view import At, Field, Filter, Parts, View, at, escaped, parameter

_PRIORITIES = codes("telemed-priority")
_USUAL = "normal"
_V3 = f"{HL7}/v3-ActPriority"
_ACTS = bijection("telemed-priority-act")
URGENT = {"EM": "urgent", "S": "urgent"}
"""Priorities of v3-ActPriority that the table does not have, as the view shows them; what else there is is normal."""
_DOCTOR = "startsWith('Practitioner/')"
_EVENT, _PERIOD = "Composition.event.period.start", "Encounter.period.start"


_NAME = Field("nom", TEXT, at("Composition.subject.display"))
_NAME_OF_OTHERS = Field("nom", TEXT, at("Composition.subject.display", At("Patient.name", NAME, only_read=True)))


def _read_name(parts: Parts) -> str | None:
    """Return the name as it was written; for notes of others without one, that of the Patient."""
    name: str | None = value_of(_NAME if is_own(parts["Composition"][0]) else _NAME_OF_OTHERS, parts)
    return name


def _lacks_a_side(composition: Json) -> bool:
    """Whether the name of the patient or the doctor may have to be found elsewhere, as in notes of others."""
    named = is_own(composition) or "display" in composition.get("subject", {})
    authors = (each.get("reference", "") for each in composition.get("author", ()))
    return not named or not any(each.startswith("Practitioner/") for each in authors)


def _write_start(parts: Parts, moment: str) -> None:
    """Say when the consultation began; where it was held in a room, its Encounter knows that by itself."""
    leaf = COMPLETED.write(moment)
    write_path(parse_path(_EVENT), parts["Composition"][0], leaf)
    for encounter in parts.get("Encounter", ())[:1]:
        if not is_of_room(encounter):
            write_path(parse_path(_PERIOD), encounter, leaf)


def _of_priority(priority: str) -> tuple[tuple[str, str], ...]:
    """What has no priority that the view understands is shown as normal, and found as that."""
    own, act = system("priority"), _ACTS.forward
    codes = {
        each: [f"{own}|{each}", f"{_V3}|{act[each]}", *(f"{_V3}|{code}" for code, as_ in URGENT.items() if as_ == each)]
        for each in _PRIORITIES
    }
    if priority != _USUAL:
        return (("encounter:Encounter.priority", ",".join(codes[priority])),)
    others = [code for each in _PRIORITIES if each != _USUAL for code in codes[each]]
    return (("_filter", f"not ({' or '.join(f'encounter.priority eq {each}' for each in others)})"),)


def _of_status(status: str) -> tuple[tuple[str, str], ...]:
    """An archived record is final or amended in R4: a search parameter over our extension tells it from those."""
    if status == "archived":
        return (("record-status", status),)
    state = bijection("telemed-record-status-composition").forward.get(status, status)
    return (("status", state), ("record-status:not", "archived"))


VIEW = View(
    name="medical_record",
    root="Composition",
    links={
        "Encounter": "Composition.encounter.reference",
        "Patient": "Composition.subject.reference",
        "PractitionerRole": "Composition.author.reference",
        "DocumentReference": "Composition.section.entry.reference",
    },
    fields=(
        Field("id", ID, at("Composition.id", f"Composition.identifier.where(system = '{RECORD}').value"), kept=True),
        Field("nom", TEXT, at("Composition.subject.display"), read=_read_name),
        Field("age", AGE, at(f"Composition.extension('{definition('age')}').value.ofType(Quantity)")),
        Field("category", TEXT, read=read_category, write=write_category),
        Field(
            "priority",
            one_of(_PRIORITIES),
            at(
                At(
                    f"Encounter.priority.coding.where(system = '{system('priority')}')",
                    one_of(_PRIORITIES, coding=system("priority")),
                ),
                At(f"Encounter.priority.coding.where(system = '{_V3}')", one_of(_PRIORITIES, coding=_V3, by=_ACTS)),
                At(f"Encounter.priority.coding.where(system = '{_V3}')", nearest(URGENT), only_read=True),
            ),
            default=_USUAL,
            required=True,
        ),
        Field(
            "status",
            one_of(codes("telemed-record-status")),
            default="draft",
            required=True,
            read=read_status,
            write=write_status,
        ),
        *(soap_field(part) for part in TITLES),
        Field(
            "consultation_date",
            MOMENT,
            at(
                At(_EVENT, COMPLETED),
                At(_PERIOD, COMPLETED),
                At("Composition.date", COMPLETED, only_read=True),
            ),
            required=True,
            write=_write_start,
        ),
        Field(
            "follow_up_date",
            DAY,
            at(
                f"Composition.extension('{definition('follow-up-date')}').value.ofType(date)",
                At(f"Composition.extension('{definition('follow-up-date')}').value.ofType(dateTime)", DAY_OF_MOMENT),
            ),
        ),
        Field("tags", TAGS, default=[], required=True, read=read_tags, write=write_tags),
        Field(
            "attachments",
            ATTACHMENTS,
            default=[],
            required=True,
            shows=SHOWN,
            read=read_attachments,
            write=write_attachments,
        ),
        Field(
            "patient_id",
            reference("Patient"),
            at("Composition.subject.reference", "Encounter.subject.reference"),
            required=True,
            shows=OR_NONE,
        ),
        Field(
            "doctor_id",
            reference("Practitioner"),
            at(
                f"Composition.author.where(reference.{_DOCTOR}).reference",
                f"Encounter.participant.where(individual.reference.{_DOCTOR}).individual.reference",
                At("PractitionerRole.practitioner.reference", only_read=True),
                At("Composition.author.reference", reference("PractitionerRole"), only_read=True),
            ),
            required=True,
            shows=OR_NONE,
        ),
        Field(
            "inserted_at",
            MOMENT,
            at(
                f"Composition.extension('{definition('inserted-at')}').value.ofType(instant)",
                At("Composition.date", COMPLETED, only_read=True),
            ),
            required=True,
            kept=True,
        ),
        Field(
            "updated_at",
            MOMENT,
            at(
                f"Composition.extension('{definition('updated-at')}').value.ofType(instant)",
                At("Composition.meta.lastUpdated", only_read=True),
                At("Composition.date", COMPLETED, only_read=True),
            ),
            required=True,
            kept=True,
        ),
    ),
    new={
        "Composition": {
            "resourceType": "Composition",
            "meta": {"profile": [definition("soap-composition")]},
            "language": "fr-FR",
            "type": {
                "coding": [
                    {"system": LOINC, "code": "85208-7"},
                    dict(zip(("system", "code"), NOTE, strict=True)),
                ]
            },
            "title": "Compte rendu de téléconsultation",
        },
        "Encounter": {
            "resourceType": "Encounter",
            "meta": {"profile": [definition("encounter")]},
            "class": {"system": ACT, "code": "VR"},
        },
    },
    complete=complete_record,
    hides=lambda composition: composition.get("status") == "entered-in-error" or not is_soap_note(composition),
    listed=(("soap-note", "true"),),
    filters={
        "category": parameter("record-category:exact", kind=LINE),
        "priority": Filter(one_of(_PRIORITIES), _of_priority),
        "status": Filter(one_of(codes("telemed-record-status")), _of_status),
        "tag": Filter(FILLED, lambda tag: (("_tag", f"{TAG}|{escaped(tag_code(tag))}"),)),
        "patient_id": parameter("patient", "Patient/{}", kind=ID),
        "doctor_id": parameter("author", "Practitioner/{}", kind=ID),
        "from": parameter("consultation-date", "ge{}", kind=WHEN),
        "to": parameter("consultation-date", "le{}", kind=WHEN),
    },
    order="-consultation-date",
    sorts={"consultation_date": "consultation-date", "updated_at": "_lastUpdated"},
    included=("encounter:Encounter", "entry:DocumentReference"),
    standing_in=("subject:Patient", "author:PractitionerRole"),
    lacks=_lacks_a_side,
)
