"""What two patients have, made to look alike and to point at each other, and what one of them asks and writes.

Ids of `a` and `b` differ in one letter; identifiers, codes, names and dates are the same few.
"""

from __future__ import annotations

from random import Random
from typing import Any

Json = dict[str, Any]
Request = tuple[str, str, Any, dict[str, str]]
"""Method, path, body, headers."""

CODES, DATES, WORDS = ("x", "y", "z"), ("2020-01-01", "2021-06-15", "2024-12-31"), ("anna", "ben", "zoe")
PRIVACY = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
RESTRICTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
TYPES = (
    "Patient",
    "Observation",
    "Observation",
    "Condition",
    "Encounter",
    "CareTeam",
    "Device",
    "Group",
    "Organization",
    "Provenance",
    "DocumentReference",
    "Binary",
    "Appointment",
    "Consent",
    "List",
    "Communication",
    "Coverage",
    "Task",
    "RelatedPerson",
)
ASKED = (
    "Observation",
    "Observation",
    "Patient",
    "Condition",
    "Encounter",
    "CareTeam",
    "Device",
    "Group",
    "DocumentReference",
    "Binary",
    "Appointment",
    "Consent",
    "List",
    "Communication",
    "Coverage",
    "Task",
    "Provenance",
    "AuditEvent",
)


THERE = ("Observation", "Appointment", "Patient")
"""Types of which a has something in every world, by the numbers 1, 2 and any."""


def id_of(type: str, who: str, number: int) -> str:
    """Return the id that something of `who` has."""
    return who if type == "Patient" else f"{type[:3].lower()}-{who}{number}"


def resource(random: Random, who: str, number: int, type: str = "") -> Json:
    """Return something of `who`, which may name the other patient in a part that does not make it theirs."""
    type = type or random.choice(TYPES)
    made = {"resourceType": type, "id": id_of(type, who, number), **_elements(random, who, type)}
    if type not in ("Patient", "Organization") and random.random() < 0.15:
        made["meta"] = {"security": [RESTRICTED]}
    return made


def _elements(random: Random, who: str, type: str) -> Json:
    pick, other_id = random.choice, "b" if who == "a" else "a"
    own, other = {"reference": f"Patient/{who}"}, {"reference": f"Patient/{other_id}"}
    coded = {"coding": [{"system": "http://c", "code": pick(CODES)}]}
    either = pick((own, other))
    theirs = {"reference": f"Observation/{id_of('Observation', other_id, random.randint(0, 9))}"}
    named = [{"system": "urn:s", "value": pick(CODES)}]
    match type:
        case "Patient":
            made: Json = {"name": [{"family": pick(WORDS)}], "birthDate": pick(DATES), "identifier": named}
            made["gender"] = pick(("male", "female"))
            return made | ({"link": [{"other": other, "type": "seealso"}]} if random.random() < 0.3 else {})
        case "Observation":
            made = {"status": "final", "code": coded, "subject": own, "effectiveDateTime": pick(DATES)}
            made |= {"performer": [either], "identifier": named, "derivedFrom": [theirs]}
            made |= {"focus": [other]} if random.random() < 0.5 else {}
            return made | {"valueQuantity": {"value": random.randint(1, 9), "unit": "kg"}}
        case "Condition":
            return {"subject": own, "code": coded, "asserter": either}
        case "Encounter":
            return {"status": "finished", "class": {"code": "AMB"}, "subject": own}
        case "CareTeam":
            return {"status": "active", "subject": own, "participant": [{"member": other}]}
        case "Device":
            return {"status": "active", "patient": own}
        case "Group":
            return {"type": "person", "actual": True, "member": [{"entity": own}, {"entity": other}]}
        case "Provenance":
            return {"target": [own], "recorded": "2024-01-01T00:00:00Z", "agent": [{"who": other}]}
        case "Organization":
            return {"name": pick(WORDS)}
        case "DocumentReference":
            url = f"Binary/{id_of('Binary', pick((who, who, other_id)), random.randint(0, 3))}"
            return {"status": "current", "subject": own, "author": [either], "content": [{"attachment": {"url": url}}]}
        case "Binary":
            context = {"securityContext": own} if random.random() < 0.5 else {}
            return {"contentType": "text/plain", "data": "eA=="} | context
        case "Appointment":
            return {"status": "proposed", "participant": [{"actor": own, "status": "accepted"}]}
        case "Consent":
            made = {"status": "active", "scope": {"coding": [PRIVACY]}, "category": [{"text": "x"}], "patient": own}
            kinds = [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]
            return made | {"policyRule": {"text": "x"}, "provision": {"type": "deny", "class": kinds}}
        case "List":
            return {"status": "current", "mode": "working", "subject": own, "code": coded, "entry": [{"item": theirs}]}
        case "Communication":
            return {"status": "completed", "subject": own, "sender": either, "recipient": [other]}
        case "Coverage":
            return {"status": "active", "beneficiary": own, "payor": [other], "identifier": named}
        case "Task":
            return {"status": "requested", "intent": "order", "for": own, "owner": other, "code": coded}
    return {"patient": own, "name": [{"family": pick(WORDS)}]}


def question(random: Random) -> Request:
    """Return a request that a makes."""
    pick = random.choice
    kinds = ("search", "search", "search", "read", "history", "write", "conditional", "patch", "delete", "bundle")
    kind, type = pick(kinds), pick(ASKED)
    id = id_of(type, pick("aab"), random.randint(0, 9))
    match kind:
        case "search":
            path = pick((type, type, f"{type}/_search", "", f"Patient/{pick('ab')}/{type}"))
            if path.endswith("_search"):
                return "GET", f"{type}/_search?{criteria(random, type)}", None, {"prefer": "handling=lenient"}
            return "GET", f"{path}?{criteria(random, type)}", None, {"prefer": "handling=lenient"}
        case "read":
            type = pick((type, *THERE))
            id = id_of(type, pick("aab"), random.randint(0, 2))
            conditional = {"if_none_match": 'W/"1"'} if random.random() < 0.3 else {}
            return pick(("GET", "HEAD")), f"{type}/{id}{pick(('', '/_history', '/_history/1'))}", None, conditional
        case "history":
            return (
                "GET",
                pick((f"{type}/_history", "_history", f"{type}/_history?_count=2", "_history?_count=3")),
                None,
                {},
            )
        case "delete":
            return "DELETE", pick((f"{type}/{id}", f"{type}?{criteria(random, type)}")), None, {}
        case "patch":
            type = pick((type, *THERE))
            id = id_of(type, pick("aab"), random.randint(0, 2))
            change = [pick(({"op": "add", "path": "/language", "value": "fr"}, _moving(pick("ab"))))]
            return "PATCH", pick((f"{type}/{id}", f"{type}?{_match(random)}")), change, {}
        case "conditional":
            body = resource(random, pick("aab"), random.randint(0, 9))
            body.pop("id")
            if random.random() < 0.5:
                return "POST", body["resourceType"], body, {"if_none_exist": _match(random)}
            return "PUT", f"{body['resourceType']}?{_match(random)}", body, {}
        case "bundle":
            return "POST", "", _bundle(random, type, id), {}
    known = random.random() < 0.5
    body = resource(random, pick("aab"), random.randint(*((1, 2) if known else (0, 9))), pick(THERE) if known else "")
    matching = {"if_match": 'W/"1"'} if random.random() < 0.2 else {}
    return (
        *pick((("PUT", f"{body['resourceType']}/{body['id']}"), ("POST", str(body["resourceType"])))),
        body,
        matching,
    )


def _moving(who: str) -> Json:
    return {"op": "add", "path": "/subject", "value": {"reference": f"Patient/{who}"}}


def _match(random: Random) -> str:
    return f"{random.choice(('identifier', '_id', 'code'))}={random.choice((*CODES, 'a', 'b', 'urn:s|x'))}"


def _bundle(random: Random, type: str, id: str) -> Json:
    """Return a Bundle of searches, a read, and writes in every form, which may refer by criteria."""
    pick = random.choice
    entries: list[Json] = [
        {"request": {"method": "GET", "url": f"{t}?{criteria(random, t)}"}} for t in (type, pick(ASKED))
    ]
    entries.append({"request": {"method": "GET", "url": f"{type}/{id}"}})
    if random.random() < 0.6:
        body = resource(
            random, pick("aab"), random.randint(0, 9), pick(("Observation", "Condition", "DocumentReference"))
        )
        if random.random() < 0.4:
            body["subject"] = {"reference": f"Patient?identifier=urn:s|{pick(CODES)}"}
        own = body.pop("id")
        kind = body["resourceType"]
        entries = entries[: pick((0, 3))]
        entries.append(
            pick(
                (
                    {"resource": body, "request": {"method": "POST", "url": kind}},
                    {"resource": body, "request": {"method": "POST", "url": kind, "ifNoneExist": _match(random)}},
                    {"resource": body | {"id": own}, "request": {"method": "PUT", "url": f"{kind}/{own}"}},
                    {"resource": body, "request": {"method": "PUT", "url": f"{kind}?{_match(random)}"}},
                    {"request": {"method": "DELETE", "url": f"{kind}/{own}"}},
                )
            )
        )
    return {"resourceType": "Bundle", "type": pick(("batch", "transaction")), "entry": entries}


def criteria(random: Random, type: str = "") -> str:
    """Return some parameters, hops among them."""
    pick = random.choice
    if type == "AuditEvent":
        return f"{pick(('patient=Patient/a', 'patient=Patient/b', 'agent=Patient/b', 'action=C'))}&_total=accurate"
    include = ("Observation:focus", "Observation:performer", "Patient:link", "*", "Observation:*", "List:item")
    reverse = ("Observation:focus", "Observation:performer", "CareTeam:participant", "List:item", "Task:owner")
    order = ("_lastUpdated", "date", "_id", "code", "value-quantity", "birthdate")
    each = (
        lambda: f"_id={pick(('a', 'b', 'obs-a1', 'obs-b1', 'obs-a1,obs-b1'))}",
        lambda: f"code={pick(CODES)}",
        lambda: f"code:not={pick(CODES)}",
        lambda: f"subject=Patient/{pick('ab')}",
        lambda: f"patient={pick('ab')}",
        lambda: f"performer=Patient/{pick('ab')}",
        lambda: f"identifier=urn:s|{pick(CODES)}",
        lambda: f"focus:Patient.family={pick(WORDS)}",
        lambda: f"subject.birthdate={pick(('ge', 'lt', ''))}{pick(DATES)}",
        lambda: f"subject.identifier=urn:s|{pick(CODES)}",
        lambda: f"derived-from:Observation.subject.family={pick(WORDS)}",
        lambda: f"_has:Observation:{pick(('focus', 'performer', 'subject', 'derived-from'))}:code={pick(CODES)}",
        lambda: f"_has:CareTeam:participant:status={pick(('active', 'inactive'))}",
        lambda: f"_has:Observation:subject:_has:List:item:code={pick(CODES)}",
        lambda: f"link:Patient.name={pick(WORDS)}",
        lambda: f"family={pick(WORDS)}",
        lambda: f"date=ge{pick(DATES)}",
        lambda: f"value-quantity=gt{random.randint(1, 9)}",
        lambda: f"_sort={pick(('', '-'))}{pick(order)}",
        lambda: f"_count={random.randint(0, 3)}",
        lambda: f"_count={random.randint(1, 2)}&_sort={pick(('', '-'))}{pick(('date', 'code', '_id'))}",
        lambda: "_total=accurate",
        lambda: "_summary=count",
        lambda: f"_include={pick(include)}",
        lambda: f"_revinclude={pick(reverse)}",
        lambda: "_revinclude:iterate=Provenance:target&_include:iterate=Patient:link",
        lambda: "performer:missing=false",
        lambda: f"_list={pick(('lis-a1', 'lis-b1', 'lis-b2'))}",
        lambda: f"_filter=subject%20eq%20%22Patient/{pick('ab')}%22",
        lambda: f"_security={RESTRICTED['system']}|R",
        lambda: f"_lastUpdated=ge{pick(DATES)}",
        lambda: f"_type={','.join(random.sample(TYPES, 2))}",
    )
    return "&".join(pick(each)() for _ in range(random.randint(1, 3)))
