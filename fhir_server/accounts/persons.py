"""The resources behind an account: Patient with its two consents, Practitioner with its role, Person.

Consents are those of the view `consent`; each names the version of the notice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from auth.accounts import Account
from fhir_server.accounts.desk import Notice, entry
from fhir_server.interactions.call import Resource, Services
from fhir_server.interactions.registered import PROFESSIONAL, RPPS
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import instant
from fhir_server.store.base import Key
from profiles.restriction import ALL

MANDATORY = ("data_processing", "telemedicine_usage")
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_RPPS = re.compile(r"\d{11}")


def entries(account: Account, notice: Notice, names: Sequence[Resource] = ()) -> list[Resource]:
    """Return the transaction entries that make what stands behind a new account; `names` are HumanNames, if known."""
    who = person(account) | ({"name": list(names)} if names else {})
    match account.role:
        case "patient":
            made = [entry("PUT", f"Patient/{account.id}", who)]
            return made + [entry("POST", "Consent", consent(account, type, notice)) for type in MANDATORY]
        case "doctor":
            made = [entry("PUT", f"Practitioner/{account.id}", who)]
            return [*made, entry("PUT", f"PractitionerRole/{account.id}", role(account))]
    return [entry("PUT", f"Person/{account.id}", who)]


def person(account: Account) -> Resource:
    """Return the Patient, Practitioner or Person of an account."""
    made: Resource = {"resourceType": account.actor.partition("/")[0], "id": account.id, "active": True}
    if account.role == "doctor":
        made["active"] = account.status == "active"
        if account.rpps:
            made["identifier"] = identifiers(account.rpps)
    # Practitioners are read by everybody who has an account: what one signs in with is not published there.
    if account.role == "patient" and account.email:
        made["telecom"] = [{"system": "email", "value": account.email}]
    return made


def identifiers(rpps: str) -> list[Resource]:
    """Return the identifiers of a professional with that number in the national register (RPPS)."""
    return [
        {"use": "official", "system": RPPS, "value": rpps},
        {"use": "official", "system": PROFESSIONAL, "value": f"8{rpps}"},
    ]


def role(account: Account) -> Resource:
    """Return the PractitionerRole of a doctor: inactive until an administrator has confirmed who that is."""
    return {
        "resourceType": "PractitionerRole",
        "id": account.id,
        "active": account.status == "active",
        "practitioner": {"reference": f"Practitioner/{account.id}"},
        "code": [{"coding": [{"system": f"{TERMINOLOGY}/practitioner-role", "code": "doctor"}]}],
    }


def is_rpps(text: str) -> bool:
    """Whether that can be a number in the national register (RPPS)."""
    return _RPPS.fullmatch(text) is not None


async def confirming(services: Services, account: Account, rpps: str) -> list[Resource]:
    """Return the entries that make the resources of a doctor those of a confirmed one, whatever else is in them."""
    confirmed = replace(account, status="active", rpps=rpps)
    found = []
    for made in (person(confirmed), role(confirmed)):
        stored = await services.store.read(Key(made["resourceType"], account.id), restriction=ALL)
        if stored is None or stored.deleted:
            found.append(entry("PUT", f"{made['resourceType']}/{account.id}", made))
            continue
        now: Resource = parse(stored.body) | {"active": True}
        if "identifier" in made:
            others = [each for each in now.get("identifier", ()) if each.get("system") not in (RPPS, PROFESSIONAL)]
            now["identifier"] = [*made["identifier"], *others]
        put = entry("PUT", f"{made['resourceType']}/{account.id}", now)
        put["request"]["ifMatch"] = f'W/"{stored.number}"'
        found.append(put)
    return found


def consent(account: Account, type: str, notice: Notice) -> Resource:
    """Return the Consent of kind `type` that a patient gives now."""
    # Only who registers somebody pays for the views.
    from mappings.views.consent import grant

    made: Resource = grant(type, account.actor, (notice.version, notice.uri), instant(account.inserted_at))
    # It keeps its profile, but does not claim it: claims may be enforced where the profile is not installed.
    del made["meta"]
    return made
