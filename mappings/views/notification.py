"""The view `notification`: what the application tells a user (http://hl7.org/fhir/R4/communication.html)."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.concepts.bijection import bijection, codes
from mappings.concepts.names import HL7, definition, system
from mappings.paths.path import Json
from mappings.views.kind import ADDRESS, FILLED, ID, MOMENT, OR_NONE, TEXT, TRUTH, nearest, one_of
from mappings.views.moments import COMPLETED
from mappings.views.view import At, Field, Parts, Values, View, at, parameter
from profiles.datatypes.temporal import compare, parse_date_time

_PRIORITIES = codes("telemed-priority")
_KINDS = codes("telemed-notification-kind")
_OWN = system("notification-kind")
_HL7 = f"{HL7}/communication-category"


def notification_for(person: str) -> Parts:
    """Return what a new notification starts with: for whom it is (`Patient/1`, `Practitioner/2`)."""
    whom = {"reference": person}
    started: Json = {"recipient": [dict(whom)]}
    if person.startswith("Patient/"):
        started["subject"] = whom
    return {"Communication": [started]}


def complete_notification(parts: Parts) -> None:
    """Say what sort of message it is in HL7's words, where nobody has; messages of others stay as they are."""
    categories = parts["Communication"][0].get("category", [])
    kinds = [coding for each in categories for coding in each.get("coding", ())]
    systems = {each.get("system") for each in kinds}
    if _OWN in systems and _HL7 not in systems:
        is_reminder = any(each.get("code") == "appointment_reminder" for each in kinds)
        code = "reminder" if is_reminder else "notification"
        categories.insert(0, {"coding": [{"system": _HL7, "code": code}]})


def rules(record: Values) -> Iterator[tuple[str, str]]:
    """Yield that a notification was read before it was sent (tel-not-1)."""
    sent, read = record["inserted_at"], record["read_at"]
    if sent and read and (compare(parse_date_time(sent), parse_date_time(read)) or 0) > 0:
        yield "read_at", "must not be before inserted_at"


VIEW = View(
    name="notification",
    root="Communication",
    fields=(
        Field("id", ID, at("Communication.id"), kept=True),
        Field(
            "kind",
            one_of(_KINDS),
            at(
                At(f"Communication.category.coding.where(system = '{_OWN}')", one_of(_KINDS, coding=_OWN)),
                At(f"Communication.category.coding.where(system = '{_OWN}').code", TEXT, only_read=True),
                At("Communication.category.coding.code", TEXT, only_read=True),
            ),
            required=True,
            shows=OR_NONE,
        ),
        Field(
            "title",
            TEXT,
            at("Communication.topic.text", At("Communication.topic.coding.display", only_read=True)),
            required=True,
            shown="",
        ),
        Field("body", TEXT, at("Communication.payload.content.ofType(string)")),
        Field(
            "priority",
            one_of(_PRIORITIES),
            at(
                At("Communication.priority", one_of(_PRIORITIES, by=bijection("telemed-priority-request"))),
                At("Communication.priority", nearest({"stat": "urgent"}), only_read=True),
            ),
            default="normal",
            required=True,
        ),
        Field("read_at", MOMENT, at(At("Communication.received", COMPLETED))),
        Field(
            "inserted_at",
            MOMENT,
            at(
                At("Communication.sent", COMPLETED),
                At("Communication.meta.lastUpdated", only_read=True),
            ),
            required=True,
            kept=True,
        ),
        Field("link", ADDRESS, at(f"Communication.extension('{definition('link')}').value.ofType(uri)")),
    ),
    new={
        "Communication": {
            "resourceType": "Communication",
            "meta": {"profile": [definition("notification")]},
            "status": "completed",
        }
    },
    complete=complete_notification,
    rules=rules,
    hides=lambda root: root.get("status") in ("entered-in-error", "not-done", "preparation"),
    listed=(("status:not", "entered-in-error,not-done,preparation"),),
    filters={
        "user": parameter("recipient", kind=FILLED),
        "unread": parameter("received:missing", kind=TRUTH),
        "kind": parameter("category", f"{_OWN}|{{}}", kind=one_of(_KINDS)),
    },
    order="-sent",
    sorts={"inserted_at": "sent"},
)
"""`notification_for` gives new notifications their recipient."""
