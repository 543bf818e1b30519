"""Care relations and what consents refuse, kept in the commit that writes what they come from.

`auth.relations` and `auth.consent` say what an Appointment, a CareTeam or a Consent means; here it becomes records,
which the restrictions of every later statement look at (`profiles.restriction`). It is done when all steps of a write
have run, so that no entry of a Bundle is judged by what another one of it opens or closes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from auth import consent as consents
from auth.relations import TYPES, Relation, changed, mentioned_roles, relation_of, relations_of
from fhir_server.interactions.call import Call, Resource
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Key, RecordTable, Transaction
from profiles.restriction import ALL, RELATIONS, RULES

RELATION_TABLE = RecordTable(RELATIONS, indexed=("pair", "because", "patient"))
RULE_TABLE = RecordTable(RULES, indexed=("patient", "because"))
REVOKED_TABLE = RecordTable("revoked")
"""Key: `<patient>/<kind>` of a consent of the platform's that is revoked. Value: `because`, the Consent."""
TABLES = (RELATION_TABLE, RULE_TABLE, REVOKED_TABLE)
TELEMEDICINE = "telemedicine_usage"


async def relating(call: Call, tx: Transaction, keys: Iterable[Key]) -> None:
    """Keep what the resources just written, of which `keys` may be some, mean for care relations and consents."""
    for key in keys:
        if key.type in TYPES:
            await _one(call, tx, key)


async def _one(call: Call, tx: Transaction, key: Key) -> None:
    version = await tx.read(key, restriction=ALL)
    resource = None if version is None or version.deleted else parse(version.body)
    roles = await _roles(tx, resource) if resource else {}
    wanted: list[Relation] = []
    if resource is not None and key.type == "Consent":
        meaning = consents.meaning_of(resource, role_of=roles)
        wanted = list(meaning.relations)
        await _rule(tx, key, meaning.rules)
    elif resource is not None:
        days = call.services.access.days_after
        wanted = relations_of(resource, now=tx.time, days_after=days, role_of=roles)
    if key.type == "Consent" and resource is None:
        await _rule(tx, key, ())
    await _relate(call, tx, key, wanted)
    if resource is not None and key.type == "Consent":
        await _platform(tx, key, resource)


async def _relate(call: Call, tx: Transaction, key: Key, wanted: Sequence[Relation]) -> None:
    """Make the relations that rest on `key` those wanted: opened by who may open some, ended by everybody."""
    records = await tx.records.find(RELATIONS, "because", f"{key.type}/{key.id}")
    before = {record.key: relation_of(record.value, record.expires) for record in records}
    after = await _openable(call, tx, wanted) if _opens(call) else changed(before.values(), wanted)
    kept = {each.key: each for each in after if each.until is None or each.until > tx.time}
    for gone in before.keys() - kept.keys():
        await tx.records.delete(RELATIONS, gone)
    for name, each in kept.items():
        if before.get(name) != each:
            await tx.records.put(RELATIONS, name, each.value, expires=each.until)


def _opens(call: Call) -> bool:
    principal = call.principal
    return not principal.rights.limited or call.services.access.opens(principal.role, principal.purpose)


async def _openable(call: Call, tx: Transaction, wanted: Sequence[Relation]) -> list[Relation]:
    """Leave out what this caller may not open: a patient, relations of others; everybody, telemedicine refused."""
    principal = call.principal
    own = principal.account if principal.role == "patient" else None
    refused: dict[str, bool] = {}
    found = []
    for each in wanted:
        if own is not None and each.patient != own:
            continue
        if each.telemedicine and each.patient not in refused:
            refused[each.patient] = (
                await tx.records.get(REVOKED_TABLE.name, f"{each.patient}/{TELEMEDICINE}") is not None
            )
        if not (each.telemedicine and refused[each.patient]):
            found.append(each)
    return found


async def _rule(tx: Transaction, key: Key, rules: Sequence[tuple[Mapping[str, Any], int | None]]) -> None:
    """Make what the Consent `key` refuses `rules`."""
    for record in await tx.records.find(RULES, "because", f"{key.type}/{key.id}"):
        await tx.records.delete(RULES, record.key)
    for number, (rule, until) in enumerate(rules):
        if until is None or until > tx.time:
            await tx.records.put(RULES, f"{key.type}/{key.id}|{number}", rule, expires=until)


async def _platform(tx: Transaction, key: Key, consent: Resource) -> None:
    """Note a consent of the platform's that is revoked, or given again; without telemedicine its relations end."""
    kind = consents.kind_of(consent)
    patient = str(consent.get("patient", {}).get("reference", "")).removeprefix("Patient/")
    if kind is None or not patient:
        return
    name = f"{patient}/{kind}"
    if consents.is_granted(consent):
        await tx.records.delete(REVOKED_TABLE.name, name)
        return
    await tx.records.put(REVOKED_TABLE.name, name, {"because": f"{key.type}/{key.id}"})
    if kind == TELEMEDICINE:
        for record in await tx.records.find(RELATIONS, "patient", patient):
            if relation_of(record.value, record.expires).telemedicine:
                await tx.records.delete(RELATIONS, record.key)


async def _roles(tx: Transaction, resource: Resource) -> dict[str, str]:
    """Return the id of the Practitioner behind each PractitionerRole that the resource names."""
    found = {}
    for mentioned in mentioned_roles(resource):
        type, _, id = mentioned.partition("/")
        version = await tx.read(Key(type, id), restriction=ALL)
        body = {} if version is None or version.deleted else parse(version.body)
        reference = str(body.get("practitioner", {}).get("reference", ""))
        if reference.startswith("Practitioner/"):
            found[mentioned] = reference.partition("/")[2]
    return found
