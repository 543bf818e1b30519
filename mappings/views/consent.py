"""The view `consent`: what a person agreed to beside care itself (http://hl7.org/fhir/R4/consent.html).

Each change is a new version of the one Consent of a person and a type, and names the version of the notice that the
person has read.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.concepts.bijection import bijection, codes
from mappings.concepts.names import ACT, HL7, LOINC, definition, system
from mappings.paths.path import Json
from mappings.views.kind import FILLED, ID, MOMENT, one_of
from mappings.views.moments import COMPLETED
from mappings.views.view import At, Field, Parts, Values, View, at, parameter
from mappings.views.write import write
from profiles.datatypes.temporal import compare, parse_date_time

TYPES = codes("telemed-consent-type")
_TYPE = system("consent-type")
_STATUSES = codes("telemed-consent-status")
_STATES = bijection("telemed-consent-status-state")
_CATEGORY = f"Consent.category.where(coding.where(system = '{_TYPE}').exists())"


def grant(type: str, person: str, notice: tuple[str, str], moment: str, stored: Json | None = None) -> Json:
    """Return the Consent by which a person (`Patient/1`) agrees at `moment`, having read a notice (version, uri).

    `stored` is the Consent of that person and type, whatever its status. Raises Unfit.
    """
    version, uri = notice
    record = {"type": type, "status": "granted", "version": version, "granted_at": moment, "revoked_at": None}
    return _changed(record, uri, stored, person)


def revoke(stored: Json, notice: tuple[str, str], moment: str) -> Json:
    """Return the Consent after the person has taken it back; `notice` is what was said of that. Raises Unfit."""
    version, uri = notice
    return _changed({"status": "revoked", "version": version, "revoked_at": moment}, uri, stored)


def taken_over(record: Values, person: str, uri: str) -> Json:
    """Return the Consent of a decision that was made elsewhere, with the version of the notice it names; `uri` is where
    notices are. Raises Unfit.
    """
    return _changed(record, uri, None, person)


def _changed(record: Values, uri: str, stored: Json | None, person: str = "") -> Json:
    who = {"reference": person}
    start: Json = {"patient": who, "performer": [dict(who)], "policy": [{"uri": uri}]}
    parts = write(VIEW, record, {"Consent": [stored]} if stored else None, start={"Consent": [start]})
    changed = parts["Consent"][0]
    changed["policy"][0]["uri"] = uri
    return changed


def complete_consent(parts: Parts) -> None:
    """Say when the decision was made, and what it permits."""
    consent = parts["Consent"][0]
    provision = consent.setdefault("provision", {})
    provision.setdefault("type", "permit")
    period = provision.get("period", {})
    consent["dateTime"] = period.get("end") or period.get("start")
    telemedicine = any(
        each.get("system") == _TYPE and each.get("code") == "telemedicine_usage"
        for category in consent.get("category", ())
        for each in category.get("coding", ())
    )
    scope = "treatment" if telemedicine else "patient-privacy"
    consent.setdefault("scope", {"coding": [{"system": f"{HL7}/consentscope", "code": scope}]})


def rules(record: Values) -> Iterator[tuple[str, str]]:
    """Yield what no consent can be (tel-con-1, tel-con-2)."""
    granted, revoked = record["granted_at"], record["revoked_at"]
    if record["status"] == "granted" and revoked is not None:
        yield "revoked_at", "must be null while the consent is granted"
    if record["status"] == "granted" and granted is None:
        yield "granted_at", "must be there while the consent is granted"
    if record["status"] == "revoked" and revoked is None:
        yield "revoked_at", "must be there once the consent is revoked"
    if granted and revoked and (compare(parse_date_time(granted), parse_date_time(revoked)) or 0) > 0:
        yield "revoked_at", "must not be before granted_at"


VIEW = View(
    name="consent",
    root="Consent",
    fields=(
        Field(
            "type",
            one_of(TYPES),
            at(At(f"{_CATEGORY}.coding.where(system = '{_TYPE}')", one_of(TYPES, coding=_TYPE))),
            required=True,
        ),
        Field(
            "status",
            one_of(_STATUSES),
            at(At("Consent.status", one_of(_STATUSES, by=_STATES))),
            shown="revoked",
            required=True,
        ),
        Field(
            "version",
            FILLED,
            at(f"Consent.policy.extension('{definition('notice-version')}').value.ofType(string)"),
            required=True,
            shown="",
        ),
        Field("granted_at", MOMENT, at(At("Consent.provision.period.start", COMPLETED))),
        Field("revoked_at", MOMENT, at(At("Consent.provision.period.end", COMPLETED))),
    ),
    new={
        "Consent": {
            "resourceType": "Consent",
            "meta": {"profile": [definition("consent")]},
            "category": [{"coding": [{"system": LOINC, "code": "59284-0"}]}],
            "policyRule": {"coding": [{"system": ACT, "code": "OPTIN"}]},
        }
    },
    complete=complete_consent,
    rules=rules,
    hides=lambda root: root.get("status") == "entered-in-error" or not _types(root),
    listed=(("category", f"{_TYPE}|"), ("status:not", "entered-in-error")),
    filters={
        "patient_id": parameter("patient", "Patient/{}", kind=ID),
        "type": parameter("category", f"{_TYPE}|{{}}", kind=one_of(TYPES)),
    },
    order="date",
)
"""`grant` and `revoke` write it; they know the person and the address of the notice, which no field has."""


def _types(root: Json) -> list[Json]:
    codings = [each for category in root.get("category", ()) for each in category.get("coding", ())]
    return [each for each in codings if each.get("system") == _TYPE]
