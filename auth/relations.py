"""Care relations: which appointments and care teams let which professional see which patient, and for how long.

Pure: a resource in, relations out. They are kept as records beside the resources (`profiles.restriction.RELATIONS`), in
the commit that writes the resource. A relation is opened by the patient, an administrator or a system, never by the
professional: what another writes may only end it, or end it sooner (`changed`). A patient opens what they change
themselves, and what was there already when they accept it, not what somebody else wrote before (`decided`). It ends by
itself at `until`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from profiles.datatypes.temporal import date_range
from profiles.restriction import LABELLED

Resource = Mapping[str, Any]
RoleOf = Mapping[str, str]
"""The id of the Practitioner behind each `PractitionerRole/x` that is mentioned."""
TYPES = frozenset(("Appointment", "CareTeam", "Consent"))
"""Types of resources that open relations."""
DAY = 86_400_000_000
APPOINTED = frozenset(("proposed", "pending", "booked", "arrived", "checked-in", "fulfilled", "waitlist"))
OFFICE = frozenset(
    (
        ("urn:fhir-health-server:telemed/CodeSystem/telemed-appointment-kind", "office"),
        ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB"),
    )
)
"""Codes of an appointment that is not telemedicine. One that does not say is: that is what this platform is for."""
_EXTENT = ("since", "until", "telemedicine")
"""What a change of an Appointment or a CareTeam makes of a relation."""
_KINDS = ("serviceCategory", "serviceType", "appointmentType")


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation: `because` of a resource (`Appointment/1`), from `since` to `until` (microseconds; None: open).

    `only` are conditions of which one must hold of what is shown (`profiles.restriction.RULES`); None for none.
    `telemedicine` says that it ends with the patient's consent to telemedicine. One that is `labelled` shows what
    carries labels that hide it from others, and opens nothing by itself.
    """

    practitioner: str
    patient: str
    because: str
    since: int | None = None
    until: int | None = None
    only: tuple[Mapping[str, Any], ...] | None = None
    telemedicine: bool = False
    labelled: bool = False

    @property
    def key(self) -> str:
        """The key of its record."""
        return f"{self.because}|{self.pair}"

    @property
    def pair(self) -> str:
        """Whom it is between, as restrictions look it up."""
        return f"{LABELLED if self.labelled else ''}{self.practitioner}/{self.patient}"

    @property
    def value(self) -> Mapping[str, Any]:
        """The value of its record; `until` is when the record expires."""
        made: dict[str, Any] = {"pair": self.pair, "because": self.because, "patient": self.patient}
        if self.since is not None:
            made["since"] = self.since
        if self.only is not None:
            made["only"] = [dict(each) for each in self.only]
        if self.telemedicine:
            made["telemedicine"] = True
        return made


def relation_of(value: Mapping[str, Any], until: int | None) -> Relation:
    """Return the relation that a record holds."""
    pair = str(value["pair"])
    practitioner, _, patient = pair.removeprefix(LABELLED).partition("/")
    only = None if "only" not in value else tuple(value["only"])
    telemedicine = bool(value.get("telemedicine"))
    return Relation(
        practitioner,
        patient,
        str(value["because"]),
        value.get("since"),
        until,
        only,
        telemedicine,
        pair.startswith(LABELLED),
    )


def relations_of(resource: Resource, *, now: int, days_after: int, role_of: RoleOf) -> list[Relation]:
    """Return the relations that a resource opens if whoever writes it may; none for one that is cancelled or over."""
    match resource["resourceType"]:
        case "Appointment":
            return _of_appointment(resource, now, days_after, role_of)
        case "CareTeam":
            return _of_care_team(resource, role_of)
    return []


def changed(before: Iterable[Relation], wanted: Sequence[Relation]) -> list[Relation]:
    """Return what is left of relations when somebody who may not open any writes what is `wanted`."""
    by_key = {each.key: each for each in wanted}
    return [_sooner(each, by_key[each.key]) for each in before if each.key in by_key]


def decided(before: Mapping[str, Relation], said: Iterable[Relation], wanted: Iterable[Relation]) -> list[Relation]:
    """Return the relations that are open once a patient has changed a resource that `said` something until now.

    `before` are those that were open, by their keys. What the patient leaves as it was, a professional may have put
    there: it stays as far as it was open. What they change themselves opens what is `wanted`.
    """
    until_now = {each.key: each for each in said}
    found = []
    for each in wanted:
        old, then = before.get(each.key), until_now.get(each.key)
        if then is None:
            found.append(each)
        elif old is not None:
            kept = _sooner(old, each)
            left = [name for name in _EXTENT if getattr(then, name) == getattr(each, name)]
            found.append(replace(each, **{name: getattr(kept, name) for name in left}))
    return found


def accepts(before: Resource | None, after: Resource | None, patient: str) -> bool:
    """Return whether a patient who has written `after` has accepted by it: by the status of their own participation."""
    return not _has_accepted(before, patient) and _has_accepted(after, patient)


def _has_accepted(resource: Resource | None, patient: str) -> bool:
    own = f"Patient/{patient}"
    taking = (resource or {}).get("participant", ())
    return any(each.get("status") == "accepted" and reference_of(each.get("actor")) == own for each in taking)


def _sooner(before: Relation, wanted: Relation) -> Relation:
    since = max(before.since or 0, wanted.since or 0)
    ends = [each for each in (before.until, wanted.until) if each is not None]
    return replace(before, since=since or None, until=min(ends) if ends else None)


def mentioned_roles(resource: Resource) -> list[str]:
    """Return the `PractitionerRole/x` that a resource names, so that whoever asks can look them up."""
    found: dict[str, None] = {}
    for actor in _actors(resource):
        if actor.startswith("PractitionerRole/"):
            found[actor] = None
    return list(found)


def _actors(resource: Resource) -> Iterable[str]:
    for each in resource.get("participant", ()):
        yield reference_of(each.get("actor") or each.get("member"))
    provisions = [resource.get("provision", {})]
    while provisions:
        provision = provisions.pop()
        yield from (reference_of(each.get("reference")) for each in provision.get("actor", ()))
        provisions.extend(provision.get("provision", ()))


def practitioner_of(reference: str, role_of: RoleOf) -> str | None:
    """Return the id of the Practitioner that a reference names, by a role too; None for anybody else."""
    type, _, id = reference.partition("/")
    return id if type == "Practitioner" else role_of.get(reference)


def _of_appointment(resource: Resource, now: int, days_after: int, role_of: RoleOf) -> list[Relation]:
    if resource.get("status") not in APPOINTED:
        return []
    taking = [each for each in resource.get("participant", ()) if each.get("status") != "declined"]
    actors = [reference_of(each.get("actor")) for each in taking]
    patients = [each.partition("/")[2] for each in actors if each.startswith("Patient/")]
    professionals = [each for actor in actors if (each := practitioner_of(actor, role_of)) is not None]
    ends = [high for name in ("start", "end") if (high := _bound(resource.get(name), 1)) is not None]
    until = max(ends, default=now) + days_after * DAY
    codings = {
        (coding.get("system"), coding.get("code"))
        for name in _KINDS
        for concept in _listed(resource.get(name))
        for coding in concept.get("coding", ())
    }
    because, telemedicine = f"Appointment/{resource['id']}", not codings & OFFICE
    return _distinct(
        Relation(professional, patient, because, None, until, telemedicine=telemedicine)
        for professional in professionals
        for patient in patients
    )


def _of_care_team(resource: Resource, role_of: RoleOf) -> list[Relation]:
    patient = reference_of(resource.get("subject"))
    if resource.get("status") != "active" or not patient.startswith("Patient/"):
        return []
    found = []
    for each in resource.get("participant", ()):
        professional = practitioner_of(reference_of(each.get("member")), role_of)
        if professional is not None:
            since, until = overlap(resource.get("period"), each.get("period"))
            found.append(Relation(professional, patient.partition("/")[2], f"CareTeam/{resource['id']}", since, until))
    return _distinct(found)


def overlap(*periods: Mapping[str, Any] | None) -> tuple[int | None, int | None]:
    """Return the beginning and the end (excluded) of what all `periods` have in common, in microseconds."""
    given = [each for each in periods if each]
    starts = [low for each in given if (low := _bound(each.get("start"), 0)) is not None]
    ends = [high for each in given if (high := _bound(each.get("end"), 1)) is not None]
    return max(starts, default=None), min(ends) + 1 if ends else None


def _bound(text: str | None, which: int) -> int | None:
    return None if text is None else date_range(text)[which]


def reference_of(value: Mapping[str, Any] | None) -> str:
    """Return what a Reference names: `Patient/1`, and the same where it names a version of that."""
    return str((value or {}).get("reference", "")).partition("/_history/")[0]


def _listed(value: Any) -> Sequence[Mapping[str, Any]]:
    return value if isinstance(value, list) else [value] if value else []


def _distinct(found: Iterable[Relation]) -> list[Relation]:
    """Keep one relation of each key, the one that lasts longest."""
    kept: dict[str, Relation] = {}
    for each in found:
        other = kept.get(each.key)
        if other is None or (other.until is not None and (each.until is None or each.until > other.until)):
            kept[each.key] = each
    return list(kept.values())
