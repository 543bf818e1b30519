"""An event of the audit trail as an AuditEvent in the shape of IHE BALP.

https://profiles.ihe.net/ITI/BALP/: agents client, server and, where there is one, user; entities for the request, what
it was about, and the patient. It tells of one patient and of no other (`store.audit`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from fhir_server.interactions.audit_events.kinds import MINOR, Code, Kind, kind, outcome
from fhir_server.model.resource import instant
from fhir_server.store.audit import AuditEvent, AuditRow, Place, resource_of

Json = dict[str, Any]

PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
REQUEST_TYPE = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
AGENTS = frozenset({"Practitioner", "PractitionerRole", "Organization", "Device", "Patient", "RelatedPerson"})
"""What AuditEvent.agent.who may refer to."""
NAME, ADDRESS = "1", "2"
"""Kinds of network addresses (http://hl7.org/fhir/R4/valueset-network-type.html)."""
DIGITS = 18


def project(event: AuditEvent, base: str, *, whole: bool = True) -> Json:
    """Return the AuditEvent; `base` names this server.

    `whole` tells what was asked word for word, where that was kept: it may say something of other patients.
    """
    row = event.row
    of = kind(row.action)
    resource: Json = {"resourceType": "AuditEvent", "id": id_of(event.seq, event.n), "meta": _meta(event, of)}
    resource["type"] = _coding(of.type)
    if of.subtype:
        resource["subtype"] = [_coding(of.subtype)]
    resource |= {"action": of.letter, "recorded": instant(row.time), "outcome": outcome(row.status)}
    if row.status:
        resource["outcomeDesc"] = f"HTTP {row.status}"
    if row.purpose:
        resource["purposeOfEvent"] = [_purpose(row)]
    resource["agent"] = _agents(row, of, base)
    resource["source"] = {
        "observer": _server(base),
        "type": [_coding((SOURCE_TYPE, "4", "Application Server"))],
    }
    if entities := _entities(event, whole):
        resource["entity"] = entities
    return resource


def id_of(seq: int, n: int) -> str:
    """Return the logical id of an event: the row's number, with the place of the patient unless it is the first."""
    return f"{seq}.{n}" if n else str(seq)


def place_of(id: str) -> Place | None:
    """Return the event that a logical id is of, None for an id that is no event's."""
    seq, dot, n = id.partition(".")
    parts = (seq, n) if dot else (seq,)
    if not all(part.isascii() and part.isdigit() and part[0] != "0" and len(part) <= DIGITS for part in parts):
        return None
    return int(seq), int(n or 0)


def _meta(event: AuditEvent, of: Kind) -> Json:
    meta: Json = {"versionId": "1", "lastUpdated": instant(event.row.time)}
    if of.profile and event.row.status < MINOR and (of.profile == "Query" or resource_of(event.row.target)):
        meta["profile"] = [f"{PROFILES}{'' if event.patient is None else 'Patient'}{of.profile}"]
    return meta


def _purpose(row: AuditRow) -> Json:
    purpose: Json = {"coding": [{"system": REASON, "code": row.purpose}]}
    if reason := row.details.get("reason"):
        purpose["text"] = reason
    return purpose


def _agents(row: AuditRow, of: Kind, base: str) -> list[Json]:
    type, _, id = row.actor.partition("/")
    # A client that acts for itself, a command or nobody is no user: then the client is who asked.
    user = bool(id) and type != "Client"
    client = row.client or (id if type == "Client" else "" if user else row.actor) or "first-party"
    agents = [
        {
            "type": _concept(of.client),
            "who": {"identifier": {"value": client}},
            "requestor": not user,
            # Without an address it is a command that was run beside the server.
            "network": {"address": row.address, "type": ADDRESS}
            if row.address
            else {"address": "localhost", "type": NAME},
        },
        {
            "type": _concept(of.server),
            "who": _server(base),
            "requestor": False,
            "network": _network(base),
        },
    ]
    if user:
        who = {"reference": row.actor} if type in AGENTS else {"identifier": {"value": row.actor}}
        agents.append({"type": _concept(of.user), "who": who, "requestor": True})
    return agents


def _server(base: str) -> Json:
    return {"identifier": {"value": base}, "display": "FHIR health data server"}


def _network(base: str) -> Json:
    host = urlsplit(base).hostname or "localhost"
    try:
        ip_address(host)
    except ValueError:
        return {"address": host, "type": NAME}
    return {"address": host, "type": ADDRESS}


def _entities(event: AuditEvent, whole: bool) -> list[Json]:
    row = event.row
    entities: list[Json] = []
    if row.request:
        entities.append(
            {"what": {"identifier": {"value": row.request}}, "type": {"system": REQUEST_TYPE, "code": "XrequestId"}}
        )
    if row.action == "search":
        query = b64encode(_query(row.target, row.details, whole).encode()).decode()
        entities.append({"type": _system_object(), "role": _coding((ROLE, "24", "Query")), "query": query})
    elif resource_of(row.target):
        role = _coding((ROLE, "4", "Domain Resource"))
        entities.append({"what": {"reference": row.target}, "type": _system_object(), "role": role})
    elif row.target.startswith("/"):
        entities.append({"name": row.target, "type": _system_object()})
    if event.patient is not None:
        entities.append(
            {
                "what": {"reference": f"Patient/{event.patient}"},
                "type": _coding((ENTITY_TYPE, "1", "Person")),
                "role": _coding((ROLE, "1", "Patient")),
            }
        )
    return entities


def _query(target: str, details: Mapping[str, Any], whole: bool) -> str:
    """Return what was searched for: as it was asked where that was kept and may be told, else without the values."""
    query = details.get("query") if whole else None
    return f"{target}?{query or '&'.join(f'{name}=' for name in details.get('parameters', ()))}"


def _system_object() -> Json:
    return _coding((ENTITY_TYPE, "2", "System Object"))


def _coding(code: Code) -> Json:
    return dict(zip(("system", "code", "display"), code, strict=True))


def _concept(code: Code) -> Json:
    return {"coding": [_coding(code)]}
