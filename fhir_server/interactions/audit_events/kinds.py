"""What the actions of audit rows are in FHIR's codes, and which profile of IHE BALP tells of them.

https://profiles.ihe.net/ITI/BALP/content.html: who sends and who receives, and what the user is, depends on the
interaction. Actions without a profile there have the same shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Code = tuple[str, str, str]
"""System, code and display."""
Letter = Literal["C", "R", "U", "D", "E"]

DCM = "http://dicom.nema.org/resources/ontology/DCM"
CONSULTATION = "urn:fhir-health-server:consultation"
"""System of what happens in consultation rooms: `enter`, `admit`, `leave`, `end`."""
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"

REST: Code = ("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "RESTful Operation")
AUTHENTICATION: Code = (DCM, "110114", "User Authentication")
ALERT: Code = (DCM, "110113", "Security Alert")
ACTIVITY: Code = (DCM, "110100", "Application Activity")
EXPORT: Code = (DCM, "110106", "Export")

SOURCE: Code = (DCM, "110153", "Source Role ID")
DESTINATION: Code = (DCM, "110152", "Destination Role ID")
APPLICATION: Code = (DCM, "110150", "Application")
CUSTODIAN: Code = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian", "Custodian")
RECIPIENT: Code = (PARTICIPATION, "IRCP", "information recipient")
AUTHOR: Code = (PARTICIPATION, "AUT", "author (originator)")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of events: its codes, what client and server are to each other, what the user is, and its profile."""

    letter: Letter
    type: Code
    subtype: Code | None = None
    client: Code = SOURCE
    server: Code = DESTINATION
    user: Code = RECIPIENT
    profile: str = ""


def _rest(code: str, letter: Letter = "E") -> Kind:
    return Kind(letter, REST, _interaction(code))


def _interaction(code: str) -> Code:
    return ("http://hl7.org/fhir/restful-interaction", code, code)


def _reading(code: str) -> Kind:
    return Kind("R", REST, _interaction(code), DESTINATION, SOURCE, RECIPIENT, "Read")


def _writing(code: str, letter: Letter, profile: str) -> Kind:
    return Kind(letter, REST, _interaction(code), SOURCE, DESTINATION, AUTHOR, profile)


def _security(code: str, display: str, letter: Letter = "U") -> Kind:
    return Kind(letter, ALERT, (DCM, code, display))


def _consultation(what: str) -> Kind:
    return Kind("E", ACTIVITY, (CONSULTATION, what, f"{what.capitalize()} consultation"))


_LOGIN: Code = (DCM, "110122", "Login")
_LOGOUT: Code = (DCM, "110123", "Logout")
_USER = ("110137", "User Security Attributes Changed")
_CONFIGURATION = ("110129", "Security Configuration")

KINDS: Mapping[str, Kind] = {
    "read": _reading("read"),
    "vread": _reading("vread"),
    "history": Kind("R", REST, _interaction("history"), DESTINATION, SOURCE),
    "search": Kind("E", REST, _interaction("search"), profile="Query"),
    "create": _writing("create", "C", "Create"),
    "update": _writing("update", "U", "Update"),
    "patch": _writing("patch", "U", "Update"),
    "delete": Kind("D", REST, _interaction("delete"), APPLICATION, CUSTODIAN, AUTHOR, "Delete"),
    "transaction": _rest("transaction"),
    "batch": _rest("batch"),
    "capabilities": _rest("capabilities"),
    "operation": _rest("operation"),
    "bundle": Kind("E", REST),
    "admission": Kind("E", AUTHENTICATION),
    "login": Kind("E", AUTHENTICATION, _LOGIN),
    "refresh": Kind("E", AUTHENTICATION, _LOGIN),
    "token": Kind("E", AUTHENTICATION, _LOGIN),
    "authorize": Kind("E", AUTHENTICATION, _LOGIN),
    "logout": Kind("E", AUTHENTICATION, _LOGOUT),
    "revoke": Kind("E", AUTHENTICATION, _LOGOUT),
    "revoke-session": Kind("E", AUTHENTICATION, _LOGOUT),
    "revoke-sessions": Kind("E", AUTHENTICATION, _LOGOUT),
    "register": _security(*_USER, letter="C"),
    "change-password": _security(*_USER),
    "set-password": _security(*_USER),
    "forgot-password": _security(*_USER),
    "reset-password": _security(*_USER),
    "verify-email": _security(*_USER),
    "enrol-totp": _security(*_USER),
    "confirm-totp": _security(*_USER),
    "remove-totp": _security(*_USER),
    "forget-factors": _security(*_USER),
    "confirm-account": _security(*_USER),
    "change-profile": _security(*_USER),
    "link-identity": _security(*_USER),
    "enable-account": _security(*_USER),
    "disable-account": _security(*_USER),
    "change-role": _security("110136", "Security Roles Changed"),
    "rotate-keys": _security(*_CONFIGURATION),
    "seal-secrets": _security(*_CONFIGURATION),
    "change-client": _security(*_CONFIGURATION),
    "change-consent": _security("110135", "Object Security Attributes Changed"),
    "break-glass": _security("110127", "Emergency Override Started", letter="E"),
    "enter-consultation": _consultation("enter"),
    "admit-consultation": _consultation("admit"),
    "leave-consultation": _consultation("leave"),
    "end-consultation": _consultation("end"),
    "remove-package": _security("110131", "Software Configuration", letter="D"),
    "export": Kind("R", EXPORT, None, DESTINATION, SOURCE),
    "notify": Kind("R", EXPORT, None, DESTINATION, SOURCE),
}
"""By action. All operations are `operation`; `bundle` is one that was refused, `admission` a request turned away."""

OTHER = Kind("E", ACTIVITY)
"""What an action is that is not among them."""


def kind(action: str) -> Kind:
    """Return the kind of an action."""
    return KINDS["operation"] if action.startswith("$") else KINDS.get(action, OTHER)


MINOR, SERIOUS, MAJOR = 400, 500, (503, 507)


def outcome(status: int) -> str:
    """Return the outcome (`audit-event-outcome`) that an HTTP status means.

    http://hl7.org/fhir/R4/valueset-audit-event-outcome.html: 4 is the caller's fault, 8 the server's, 12 that it could
    not work at all.
    """
    if status < MINOR:
        return "0"
    if status < SERIOUS:
        return "4"
    return "12" if status in MAJOR else "8"
