"""What a Consent means for access: the care relations that it opens and what it refuses.

Pure: a Consent resource in, records out (`profiles.restriction.RELATIONS` and `RULES` say what they hold). After IHE
Privacy Consent on FHIR (https://profiles.ihe.net/ITI/PCF): a base provision with one level of exceptions; what matches
neither is left to the policy. An active Consent of scope patient-privacy decides:

- a permit without recipients allows what meets its purposes and conditions, and refuses the rest to all;
- a permit with recipients opens a care relation with each of them, within its conditions; others keep what they have;
- a deny refuses what meets its conditions to its recipients, or to all;
- a nested provision is an exception to that.

What is not understood is decided by caution: an unknown condition of a deny is left out, so that it refuses more, and
one of a permit matches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auth.relations import Relation, RoleOf, overlap, practitioner_of, reference_of
from profiles.definitions import is_resource_type

Rule = Mapping[str, Any]
PRIVACY = ("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
KINDS = "urn:fhir-health-server:telemed/CodeSystem/telemed-consent-type"
PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
TYPES = "http://hl7.org/fhir/resource-types"
READING = frozenset(("access", "use", "disclose"))
SECONDARY = ("BIORCH", "CLINTRCH", "DSRCH", "HMARKT", "HRESCH", "POARCH", "TRANSRCH")
"""Purposes of use that an objection to data processing stops: research and marketing, not care."""
CARE = "TREAT"
EVERYBODY = "*"
LEGAL_BASIS = (
    "The objection is recorded, and secondary use (research, marketing) has stopped. The record itself stays with "
    "those who take care of the patient: keeping it rests on GDPR article 9(2)(h) and the duty to keep medical "
    "records, not on consent."
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one Consent means: relations it opens, and rules with the moment each ends (None: never)."""

    relations: tuple[Relation, ...] = ()
    rules: tuple[tuple[Rule, int | None], ...] = ()


def kind_of(consent: Mapping[str, Any]) -> str | None:
    """Return which of the platform's consents it is: `telemedicine_usage`, `data_processing`; None for another."""
    for category in consent.get("category", ()):
        for coding in category.get("coding", ()):
            if coding.get("system") == KINDS:
                return str(coding.get("code"))
    return None


def is_granted(consent: Mapping[str, Any]) -> bool:
    """Whether a Consent of the platform's is given, rather than revoked or refused."""
    return consent.get("status") == "active" and consent.get("provision", {}).get("type", "permit") == "permit"


def objects(consent: Mapping[str, Any]) -> bool:
    """Whether a Consent of the platform's says that its patient objects to the processing of data."""
    return kind_of(consent) == "data_processing" and not is_granted(consent)


def meaning_of(consent: Mapping[str, Any], *, role_of: RoleOf) -> Meaning:
    """Return what a valid Consent means; nothing unless it is active and about privacy."""
    patient = reference_of(consent.get("patient"))
    provision = consent.get("provision", {})
    if not patient.startswith("Patient/"):
        return Meaning()
    reader = _Reader(patient.partition("/")[2], f"Consent/{consent['id']}", role_of)
    if objects(consent):
        return Meaning(rules=((reader.rule({"purposes": list(SECONDARY)}), None),))
    if consent.get("status") != "active" or not _is_about_privacy(consent) or not _is_about_reading(provision):
        return Meaning()
    return reader.permit(provision) if provision.get("type", "permit") == "permit" else reader.deny(provision)


def _is_about_privacy(consent: Mapping[str, Any]) -> bool:
    return PRIVACY in _codes([consent.get("scope", {})])


def _is_about_reading(provision: Mapping[str, Any]) -> bool:
    actions = {code for _, code in _codes(provision.get("action", ()))}
    return not actions or bool(actions & READING)


@dataclass(frozen=True, slots=True)
class _Reader:
    patient: str
    because: str
    role_of: RoleOf

    def rule(self, *parts: Mapping[str, Any]) -> Rule:
        made: dict[str, Any] = {"patient": self.patient, "because": self.because}
        for part in parts:
            made |= part
        return made

    def permit(self, base: Mapping[str, Any]) -> Meaning:
        since, until = overlap(base.get("period"))
        within = [self._asking(base) | each for each in _conditions(base, narrow=True)]
        permits, denies = _nested(base, "permit"), _nested(base, "deny")
        within += [one for each in permits for one in self._exceptions(each, base)]
        rules = [(self._refusal(each, base), until) for each in denies for each in self._denials(each)]
        people = self._people(base)
        if base.get("actor"):
            # Who may use the data for research, say, is not in care of the patient by that.
            people = people if CARE in self._asking(base).get("purposes", (CARE,)) else []
            only = None if within == [{}] else tuple(_without_asking(each) for each in within)
            opened = [Relation(each, self.patient, self.because, since, until, only) for each in people]
            opened += self._labelled(base, people, since, until)
            return Meaning(tuple(opened), tuple(rules))
        if within != [{}]:
            start = {} if since is None else {"since": since}
            rules.append((self.rule(start, {"except": within}), until))
        return Meaning(tuple(self._labelled(base, [EVERYBODY], since, until)), tuple(rules))

    def deny(self, base: Mapping[str, Any]) -> Meaning:
        since, until = overlap(base.get("period"))
        excepted = [one for each in _nested(base, "permit") for one in self._exceptions(each, {})]
        allowed = {"except": excepted} if excepted else {}
        start = {} if since is None else {"since": since}
        rules = [(self.rule(start, each, allowed), until) for each in self._denials(base)]
        return Meaning(rules=tuple(rules))

    def _refusal(self, denial: Mapping[str, Any], base: Mapping[str, Any]) -> Rule:
        """A nested deny is about the recipients of its base, unless it names its own."""
        inherited = self._asking({"actor": base["actor"]}) if "actors" not in denial and base.get("actor") else {}
        since, _ = overlap(base.get("period"))
        return self.rule({} if since is None else {"since": since}, inherited, denial)

    def _denials(self, provision: Mapping[str, Any]) -> list[dict[str, Any]]:
        asking = self._asking(provision)
        if len(asking.get("actors", ())) < len(provision.get("actor", ())):
            # Somebody is meant whom we cannot tell: then everybody is.
            asking.pop("actors")
        return [asking | each for each in _conditions(provision, narrow=False)]

    def _exceptions(self, provision: Mapping[str, Any], base: Mapping[str, Any]) -> list[dict[str, Any]]:
        if not _is_about_reading(provision):
            return []
        since, until = overlap(provision.get("period"))
        bounds = {name: at for name, at in (("since", since), ("until", until)) if at is not None}
        inherited = {key: each for key, each in self._asking(base).items() if key not in self._asking(provision)}
        return [bounds | inherited | self._asking(provision) | each for each in _conditions(provision, narrow=True)]

    def _asking(self, provision: Mapping[str, Any]) -> dict[str, Any]:
        """Return whom and which purposes a provision names."""
        found: dict[str, Any] = {}
        if provision.get("actor"):
            found["actors"] = self._actors(provision)
        if provision.get("purpose"):
            found["purposes"] = [_purpose(each) for each in provision["purpose"]]
        return found

    def _actors(self, provision: Mapping[str, Any]) -> list[str]:
        found: dict[str, None] = {}
        for each in provision["actor"]:
            reference = reference_of(each.get("reference"))
            person = practitioner_of(reference, self.role_of)
            if person is not None:
                found[f"Practitioner/{person}"] = None
            elif reference.startswith(("Organization/", "Patient/", "RelatedPerson/")):
                found[reference] = None
        return list(found)

    def _people(self, provision: Mapping[str, Any]) -> list[str]:
        named = self._actors(provision) if provision.get("actor") else []
        return [each.partition("/")[2] for each in named if each.startswith("Practitioner/")]

    def _labelled(
        self, base: Mapping[str, Any], people: Sequence[str], since: int | None, until: int | None
    ) -> list[Relation]:
        """A permit that names labels shows what carries them: the policy may hide it otherwise."""
        named = [[system, code] for each in (base, *_nested(base, "permit")) for system, code in _labels(each)]
        if not named:
            return []
        only = ({"labels": named},)
        return [Relation(each, self.patient, self.because, since, until, only, labelled=True) for each in people]


def _nested(base: Mapping[str, Any], type: str) -> list[Mapping[str, Any]]:
    """Return the exceptions of that type; one that does not say is the contrary of its base."""
    contrary = "deny" if base.get("type", "permit") == "permit" else "permit"
    return [each for each in base.get("provision", ()) if each.get("type", contrary) == type]


def _conditions(provision: Mapping[str, Any], *, narrow: bool) -> list[dict[str, Any]]:
    """Return the conditions of a provision, one for each kind of data that it names.

    What is not understood matches nothing where conditions are to be `narrow`, and everything where they are not.
    """
    common: dict[str, Any] = {}
    since, until = overlap(provision.get("dataPeriod"))
    common |= {name: at for name, at in (("from", since), ("to", until)) if at is not None}
    if labels := _labels(provision):
        common["labels"] = [list(label) for label in labels]
    if provision.get("class"):
        types = [each.get("code") for each in provision["class"] if each.get("system") == TYPES]
        known = [each for each in types if each and is_resource_type(each)]
        if narrow or len(known) == len(provision["class"]):
            common["types"] = known
    if provision.get("code") and narrow:
        common["types"] = []
    data = _data(provision, narrow)
    return [common | each for each in data] if data else [common]


def _data(provision: Mapping[str, Any], narrow: bool) -> list[dict[str, Any]]:
    found: dict[str, list[str]] = {}
    unknown = False
    for each in provision.get("data", ()):
        reference = reference_of(each.get("reference"))
        type, _, id = reference.partition("/")
        match each.get("meaning"), type:
            case "instance", _ if narrow and each["reference"].get("reference") != reference:
                # One version of it is permitted, and no other is by that.
                unknown = True
            case "instance", _:
                found.setdefault("resources", []).append(reference)
            case "authoredby", "Practitioner" | "Patient":
                found.setdefault("authors", []).append(reference)
            case "related", "Encounter":
                found.setdefault("encounters", []).append(id)
            case _:
                unknown = True
    if unknown and not narrow:
        return [{}]
    kinds = [{name: values} for name, values in found.items()]
    return kinds or ([{"types": []}] if unknown else [])


def _labels(provision: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(each.get("system", ""), each["code"]) for each in provision.get("securityLabel", ()) if "code" in each]


def _purpose(coding: Mapping[str, Any]) -> str:
    """Return the code of a purpose of HL7's, with its system in front for one of another system."""
    system, code = coding.get("system", ""), coding.get("code", "")
    return code if system in ("", PURPOSES) else f"{system}|{code}"


def _without_asking(conditions: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("actors", "purposes", "since", "until")
    return {name: value for name, value in conditions.items() if name not in kept}


def _codes(concepts: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(c.get("system", ""), c.get("code", "")) for each in concepts for c in each.get("coding", ())}
