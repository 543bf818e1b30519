"""Care relations and what consents refuse, kept in the commit that writes what they come from.

`auth.relations` and `auth.consent` say what an Appointment, a CareTeam or a Consent means; here it becomes records,
which the restrictions of every later statement look at (`profiles.restriction`). It is done when all steps of a write
have run, so that no entry of a Bundle is judged by what another one of it opens or closes.

`retelling` makes them again from the history of a resource, version by version, each by whoever wrote it: of data that
was there before, and after the policy has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auth import consent as consents
from auth.policy import Policy
from auth.relations import (
    TYPES,
    Relation,
    accepts,
    changed,
    decided,
    mentioned_roles,
    overlap,
    reference_of,
    relation_of,
    relations_of,
)
from fhir_server.interactions.call import Call, Resource
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Key, Records, RecordTable, Scope, Snapshot, Transaction, Version
from profiles.restriction import ALL, RELATIONS, RULES

RELATION_TABLE = RecordTable(RELATIONS, indexed=("pair", "because", "patient"))
RULE_TABLE = RecordTable(RULES, indexed=("patient", "because"))
REVOKED_TABLE = RecordTable("revoked")
"""Key: `<patient>/<kind>` of a consent of the platform's. Value: `because`, the Consent written last, at `time`;
whether it is `revoked`, and `at` which time one was last; times in microseconds."""
TABLES = (RELATION_TABLE, RULE_TABLE, REVOKED_TABLE)
TELEMEDICINE = "telemedicine_usage"
_ROLES = {"Patient": "patient", "Practitioner": "doctor", "Person": "admin", "Client": "system"}


Open = Mapping[str, Relation]
"""The relations that are open by a resource, by the keys of their records."""


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a version means: its resource (None: it is deleted), the relations it would open, the refusals it makes."""

    resource: Resource | None = None
    relations: Sequence[Relation] = ()
    rules: Sequence[tuple[Mapping[str, Any], int | None]] = ()


@dataclass(frozen=True, slots=True)
class Writer:
    """Whose write it is: whether it `opens` relations, and of which patient alone (None: of all)."""

    opens: bool
    own: str | None = None


async def is_refused(tx: Transaction, patient: str, kind: str) -> bool:
    """Return whether a patient has taken back a consent of the platform's."""
    record = await tx.records.get(REVOKED_TABLE.name, f"{patient}/{kind}")
    return record is not None and bool(record.value.get("revoked", True))


async def is_given(reader: Snapshot, records: Records, patient: str, kind: str, now: int) -> bool:
    """Return whether a consent of the platform's is in force: the one that the patient decided on last counts.

    `now` is in microseconds since 1970.
    """
    record = await records.get(REVOKED_TABLE.name, f"{patient}/{kind}")
    if record is None or record.value.get("revoked", True):
        return False
    type, _, id = str(record.value["because"]).partition("/")
    version = await reader.read(Key(type, id), restriction=ALL)
    if version is None or version.deleted:
        return False
    consent = parse(version.body)
    since, until = overlap(consent.get("provision", {}).get("period"))
    return consents.is_granted(consent) and (since or 0) <= now and (until is None or now < until)


async def relating(call: Call, tx: Transaction, keys: Iterable[Key]) -> None:
    """Keep what the resources just written, of which `keys` may be some, mean for care relations and consents."""
    principal, access = call.principal, call.services.access
    opens = not principal.rights.limited or access.opens(principal.role, principal.purpose)
    writer = Writer(opens, principal.account if principal.role == "patient" else None)
    for key in keys:
        version = await tx.read(key, restriction=ALL) if key.type in TYPES else None
        # What was found and not written means what it meant, whoever has found it.
        if version is not None and version.time == tx.time:
            compares = writer.own is not None and version.number > 1
            earlier = await tx.vread(key, version.number - 1, restriction=ALL) if compares else None
            await _keep(tx, key, await _tell(tx, (earlier, version), await _open(tx, key), writer, access))


async def retelling(tx: Transaction, key: Key, access: Policy) -> None:
    """Make what a resource means again, from all of its versions, as if each were written now by whoever wrote it."""
    earlier, relations = None, dict[str, Relation]()
    for version in reversed(await _versions(tx, key)):
        writer = _writer_of(version.author, access)
        relations = await _tell(tx, (earlier, version), relations, writer, access)
        earlier = version
    await _keep(tx, key, relations)


async def _versions(tx: Transaction, key: Key) -> list[Version]:
    found: list[Version] = []
    page = await tx.history(Scope(key.type, key.id), restriction=ALL)
    found += page.versions
    while page.next is not None:
        page = await tx.history(Scope(key.type, key.id, after=page.next, position=page.position), restriction=ALL)
        found += page.versions
    return found


def _writer_of(author: str, access: Policy) -> Writer:
    """Return what somebody's writes may do, by the name they are signed with; what is nobody's is the operator's."""
    type, _, id = author.partition("/")
    role = _ROLES.get(type)
    return Writer(role is None or access.opens(role, ""), id if role == "patient" else None)


async def _tell(
    tx: Transaction, versions: tuple[Version | None, Version], before: Open, writer: Writer, access: Policy
) -> dict[str, Relation]:
    """Keep what the later of two `versions` means, and return the relations that are open by it; `before` were by the
    earlier. They are opened by who may open some, and ended by everybody.
    """
    earlier, version = versions
    meaning = await _meaning(tx, version, access)
    living = {name: each for name, each in before.items() if each.until is None or each.until > version.time}
    after: Sequence[Relation] = meaning.relations
    if not writer.opens:
        after = changed(living.values(), after)
    elif writer.own is not None and version.key.type != "Consent":
        said = await _meaning(tx, earlier, access)
        if not accepts(said.resource, meaning.resource, writer.own):
            after = decided(living, said.relations, after)
    if writer.opens:
        after = await _openable(tx, version, writer, after)
    if version.key.type == "Consent":
        await _rule(tx, version.key, meaning.rules)
        if meaning.resource is not None:
            await _platform(tx, version, meaning.resource)
    return {each.key: each for each in after if each.until is None or each.until > version.time}


async def _meaning(tx: Transaction, version: Version | None, access: Policy) -> _Meaning:
    if version is None or version.deleted:
        return _Meaning()
    resource = parse(version.body)
    roles = await _roles(tx, resource)
    if version.key.type == "Consent":
        meant = consents.meaning_of(resource, role_of=roles)
        return _Meaning(resource, meant.relations, meant.rules)
    return _Meaning(resource, relations_of(resource, now=version.time, days_after=access.days_after, role_of=roles))


async def _open(tx: Transaction, key: Key) -> dict[str, Relation]:
    """Return the relations that are open by a resource."""
    records = await tx.records.find(RELATIONS, "because", f"{key.type}/{key.id}")
    return {record.key: relation_of(record.value, record.expires) for record in records}


async def _keep(tx: Transaction, key: Key, relations: Open) -> None:
    """Make the relations that are open by a resource these, as far as they are not over."""
    before = await _open(tx, key)
    kept = {name: each for name, each in relations.items() if each.until is None or each.until > tx.time}
    for gone in before.keys() - kept.keys():
        await tx.records.delete(RELATIONS, gone)
    for name, each in kept.items():
        if before.get(name) != each:
            await tx.records.put(RELATIONS, name, each.value, expires=each.until)


async def _openable(tx: Transaction, version: Version, writer: Writer, wanted: Sequence[Relation]) -> list[Relation]:
    """Leave out what may not be opened: by a patient, relations of others; by anybody, telemedicine that is refused.

    What was written before telemedicine was last revoked stays closed after it has been given again.
    """
    refused: dict[str, int] = {}
    live = version.time == tx.time
    found = []
    for each in wanted:
        if writer.own is not None and each.patient != writer.own:
            continue
        if each.telemedicine and each.patient not in refused:
            record = await tx.records.get(REVOKED_TABLE.name, f"{each.patient}/{TELEMEDICINE}")
            value = {} if record is None else record.value
            last = -1 if live else value.get("at", -1)
            refused[each.patient] = tx.time if value.get("revoked", record is not None) else last
        if not each.telemedicine or version.time > refused[each.patient]:
            found.append(each)
    return found


async def _rule(tx: Transaction, key: Key, rules: Sequence[tuple[Mapping[str, Any], int | None]]) -> None:
    """Make what the Consent `key` refuses `rules`."""
    for record in await tx.records.find(RULES, "because", f"{key.type}/{key.id}"):
        await tx.records.delete(RULES, record.key)
    for number, (rule, until) in enumerate(rules):
        if until is None or until > tx.time:
            await tx.records.put(RULES, f"{key.type}/{key.id}|{number}", rule, expires=until)


async def _platform(tx: Transaction, version: Version, consent: Resource) -> None:
    """Note whether a consent of the platform's is given or revoked; without telemedicine its relations end."""
    kind = consents.kind_of(consent)
    patient = reference_of(consent.get("patient")).removeprefix("Patient/")
    if kind is None or not patient:
        return
    name, revoked = f"{patient}/{kind}", not consents.is_granted(consent)
    record = await tx.records.get(REVOKED_TABLE.name, name)
    value: dict[str, Any] = {} if record is None else dict(record.value)
    if revoked:
        value["at"] = max(version.time, value.get("at", 0))
    if version.time >= value.get("time", 0):
        value |= {"because": f"{version.key.type}/{version.key.id}", "time": version.time, "revoked": revoked}
    await tx.records.put(REVOKED_TABLE.name, name, value)
    if kind == TELEMEDICINE and value["revoked"]:
        for each in await tx.records.find(RELATIONS, "patient", patient):
            if relation_of(each.value, each.expires).telemedicine:
                await tx.records.delete(RELATIONS, each.key)


async def _roles(tx: Transaction, resource: Resource) -> dict[str, str]:
    """Return the id of the Practitioner behind each PractitionerRole that the resource names."""
    found = {}
    for mentioned in mentioned_roles(resource):
        type, _, id = mentioned.partition("/")
        version = await tx.read(Key(type, id), restriction=ALL)
        body = {} if version is None or version.deleted else parse(version.body)
        reference = reference_of(body.get("practitioner"))
        if reference.startswith("Practitioner/"):
            found[mentioned] = reference.partition("/")[2]
    return found
