"""The only road to a write: prepare outside the transaction, then inside it look, stamp and put.

`prepare` does what is heavy and needs no lock: references to this server made local, validation, index extraction.
`perform` runs a write interaction: its `identify` finds out what is written, its `plan` makes the step, and the step
runs inside `call.write`. When the store has moved in between, all of it is done again. Steps may be run again by the
store, so they touch nothing but the transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from msgspec import Struct

from auth.rights import Action
from fhir_server.errors import BadRequest, Forbidden, MethodNotAllowed, NotFound, Unprocessable
from fhir_server.interactions import audit, binary, own_parameters, profiles, registered, scheduling
from fhir_server.interactions.access import within
from fhir_server.interactions.attaching import attaches, attaching
from fhir_server.interactions.audit_events import external
from fhir_server.interactions.booking import demand_unbooked
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.interactions.conditional import Identity, Moved
from fhir_server.interactions.objecting import objecting
from fhir_server.interactions.relating import relating
from fhir_server.interactions.reserved import demand_free
from fhir_server.interactions.subscribing import keeping, rules
from fhir_server.interactions.targets import demand_targets
from fhir_server.model.draft import cut, draft, headed, stamped
from fhir_server.model.fhir_json import encode
from fhir_server.model.reference import localize
from fhir_server.model.resource import instant
from fhir_server.search.subjects import subjects
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, Method, NewVersion, Snapshot, Transaction, Version, VersionConflict
from profiles.issues import Issue
from profiles.packages.catalogue import TYPES
from profiles.restriction import ALL, whoever_wrote

_WORDS = {"create": "create", "update": "change", "delete": "delete"}
ATTEMPTS = 3
"""How often a write is prepared outside of the transaction before it is prepared inside, where nothing moves."""


class Prepared(NamedTuple):
    """A resource that is ready to be put: valid, with everything the store keeps beside it.

    `draft` is its JSON but for what its version decides (`model.draft`), `content` that of a Binary when it is not in
    there, `mark` the registry's whose entries they are. Plain values all of it: another process may have made them.
    """

    key: Key
    draft: bytes
    entries: IndexEntries
    owners: Sequence[Key]
    labels: Sequence[tuple[str, str]]
    warnings: Sequence[Issue]
    content: bytes
    mark: str = ""
    subjects: Sequence[Key] = ()

    @property
    def patients(self) -> tuple[str, ...]:
        """The ids of the patients whose data the resource is."""
        return tuple(dict.fromkeys(subject.id for subject in self.subjects if subject.type == "Patient"))


class Written(Struct, frozen=True):
    """What a step did: the version now current (None where there never was one), and the HTTP status it means.

    `keys` are the resources it wrote, where they are several; `attaches` says that it may have changed whose Binaries
    are.
    """

    status: int
    version: Version | None = None
    patients: tuple[str, ...] = ()
    issues: Sequence[Issue] = ()
    keys: Sequence[Key] = ()
    attaches: bool = False


Step = Callable[[Transaction], Awaitable[Written]]


class Put(Struct, frozen=True):
    """The step that puts one prepared resource, with all it needs in sight: what was prepared can be sent elsewhere."""

    run: Callable[[Call, Identity, Prepared, Transaction], Awaitable[Written]]
    call: Call
    identity: Identity
    prepared: Prepared

    def __call__(self, tx: Transaction) -> Awaitable[Written]:
        """Put it."""
        return self.run(self.call, self.identity, self.prepared, tx)


class Identify(Protocol):
    """Find out what a call writes, as of `reader`."""

    async def __call__(self, call: Call, reader: Snapshot) -> Identity:
        """Return the identity."""
        ...


Plan = Callable[[Call, Identity], Awaitable[Step]]


def body_of(call: Call) -> Resource:
    """Return the resource of the body. Raises BadRequest when there is none or it is of another type."""
    if call.resource is None:
        raise BadRequest(f"The request needs a {call.type} resource as its body.")
    found = call.resource.get("resourceType")
    if found != call.type:
        raise BadRequest(
            f"The resourceType of the body is {found or 'missing'}, the URL asks for {call.type}: send one of "
            "that type, or use the URL of the body's type.",
            expression="resourceType",
        )
    return call.resource


def prepare(call: Call, resource: Resource, key: Key, *, final: bool = False) -> Prepared:
    """Return `resource` made ready to be written as `key`, its references local unless `final` says they are.

    Raises Unprocessable with every finding.
    """
    services = call.services
    if key.type == external.TYPE:
        resource = external.tagged(resource)
    resource = headed(key.type, key.id, resource)
    text = encode(resource)
    if not final and (local := localize(resource, services.base, text)) is not resource:
        resource, text = local, encode(local)
    issues = services.validator.validate(resource, text)
    if not any(issue.is_error for issue in issues):
        issues = [
            *issues,
            *own_parameters.faults(resource, services.registry),
            *objecting(resource),
            *profiles.written(services, resource),
            *rules.faults(services, resource),
        ]
    if issues and any(issue.is_error for issue in issues):
        raise Unprocessable.of(issues)
    mark = services.registry.mark
    entries = services.extractor.entries(resource, base=services.base)
    kept, content = binary.split(resource)
    return Prepared(
        key=key,
        draft=cut(text, resource) if kept is resource else draft(kept),
        entries=entries,
        owners=[Key(*owner) for owner in services.extractor.owners(resource, entries)],
        labels=services.extractor.labels(resource),
        warnings=issues,
        content=content,
        mark=mark,
        subjects=[Key(*each) for each in subjects(resource, entries)],
    )


async def current(
    call: Call, reader: Snapshot, key: Key, action: Action, *, making: bool = False, chosen: bool = False
) -> Version | None:
    """Return the current version that a write would replace, a tombstone included, None when there never was one.

    `making` says that the write would then make it, `chosen` that the caller chose the id. Raises Forbidden when the
    caller sees it and may not do this to it. What is out of reach, and for whoever is limited what never was, is
    NotFound, and where the id was chosen by who may not MethodNotAllowed: the answers are the same for both.
    """
    restriction = within(call, action, key.type)
    version = await reader.read(key, restriction=restriction)
    if version is not None or restriction is ALL:
        return version
    if await reader.read(key, restriction=within(call, "read", key.type)) is not None:
        name = f"{key.type}/{key.id}"
        if await reader.read(key, restriction=whoever_wrote(restriction)) is not None:
            raise Forbidden(
                f"Somebody else wrote the current version of {name}, and you may {_WORDS[action]} only what you wrote "
                f"yourself. What you have to say goes into a {key.type} of your own."
            )
        raise Forbidden(f"{name} is not yours to {_WORDS[action]}.")
    if chosen and not call.principal.rights.assigns_ids:
        raise MethodNotAllowed(
            f"The ids of resources that you create are chosen by the server: use POST {key.type}. A PUT replaces a "
            "resource that there is."
        )
    if not making or await reader.read(key, restriction=ALL) is not None:
        raise NotFound(f"{key.type}/{key.id} does not exist.")
    return None


async def put(call: Call, tx: Transaction, prepared: Prepared, before: Version | None, method: Method) -> Version:
    """Put the version that follows `before` and return it. Raises Forbidden when it is out of the caller's reach.

    Raises Moved when the tenant's search parameters have changed since it was prepared, Forbidden for what is part of
    this server, and for what professionals may not say of themselves and each other.
    """
    if prepared.mark != call.services.registry.mark:
        raise Moved
    key = prepared.key
    external.demand_new(key, before)
    demand_free(call.services, key)
    number = before.number + 1 if before else 1
    body = stamped(prepared.draft, key.type, key.id, number, instant(tx.time))
    if key.type == registered.TYPE:
        registered.demand_registered(call, before, body)
    if key.type == scheduling.TYPE:
        await scheduling.demand_own_schedule(call, tx, before, body)
    if key.type == "Binary":
        if call.principal.rights.limited:
            await binary.demand_context(call, tx, body)
        about = await binary.subjects_of(tx, body)
        if before is not None and binary.context_of(body) is None:
            # What names it says the same of the new version as of the one before.
            about = await tx.subjects(key, before.number, restriction=ALL)
        prepared = prepared._replace(owners=about, subjects=about)
    new = NewVersion(
        key,
        number,
        method,
        before.author if before is not None and call.principal.marks else call.principal.actor,
        body,
        prepared.owners,
        prepared.labels,
        fresh=method == "POST",
        subjects=prepared.subjects,
    )
    version = await tx.put(new, prepared.entries)
    await own_parameters.note(tx, version)
    await keeping.note(call, tx, version)
    await _demand_within(call, tx, version, prepared, "create" if before is None else "update")
    if call.content is not None:
        return await binary.fill(tx, version, call.content)
    return await binary.keep(tx, version, prepared.content) if prepared.content else version


def put_as(status: int, version: Version, prepared: Prepared, before: Version | None) -> Written:
    """Return what a step did that put `version` after `before`."""
    changes = attaches(version, before)
    return Written(status, version, version.patients or prepared.patients, prepared.warnings, attaches=changes)


async def _demand_within(call: Call, tx: Transaction, version: Version, prepared: Prepared, action: Action) -> None:
    """Raise Forbidden when what was just put is out of the caller's reach, or about a patient who is.

    Who may not see a patient may write nothing that would be in the patient's record, whoever else it is about.
    """
    key = version.key
    restriction = within(call, action, key.type)
    if restriction is ALL:
        return
    if await tx.vread(key, version.number, restriction=restriction) is None:
        raise Forbidden(f"This {key.type} would be outside of what you may {_WORDS[action]}.")
    for patient in prepared.subjects if len(prepared.subjects) > 1 else ():
        if patient != key and await tx.read(patient, restriction=within(call, "read", patient.type)) is None:
            raise Forbidden(
                f"This {key.type} would be about several patients, and not all of them are within your reach."
            )


async def bury(call: Call, tx: Transaction, before: Version) -> Written:
    """Put a tombstone after `before`; it repeats the owners and labels of what it ends."""
    # That it may be deleted was asked before: a tombstone repeats all of them, whatever the caller sees.
    owners = await tx.owners(before.key, before.number, restriction=ALL)
    labels = await tx.labels(before.key, before.number, restriction=ALL)
    about = await tx.subjects(before.key, before.number, restriction=ALL)
    actor = call.principal.actor
    tombstone = NewVersion(before.key, before.number + 1, "DELETE", actor, b"", owners, labels, subjects=about)
    version = await tx.put(tombstone, IndexEntries())
    await own_parameters.note(tx, version)
    await keeping.note(call, tx, version)
    patients = tuple(patient.id for patient in about)
    return Written(204, version, patients, attaches=attaches(version, before))


async def perform(call: Call, action: str, identify: Identify, plan: Plan) -> Result:
    """Run a write interaction and return its result once it is durable.

    When others keep changing what it rests on, it is prepared inside the write at last, where nobody can.
    """
    for _ in range(ATTEMPTS):
        step = await plan(call, await identify(call, call.reader))
        try:
            return await _write(call, action, step)
        except (Moved, VersionConflict):
            continue

    async def whole(tx: Transaction) -> Written:
        inside = replace(call, transaction=tx)
        return await (await plan(inside, await identify(inside, tx)))(tx)

    return await _write(call, action, whole)


def keys_of(written: Written) -> Sequence[Key]:
    """Return the resources that a step wrote or found."""
    return written.keys or [version.key for version in (written.version,) if version]


async def _write(call: Call, action: str, step: Step) -> Result:
    """Run the step with its audit row in one write; inside a surrounding transaction the row is not its business."""

    async def work(tx: Transaction) -> Written:
        written = await step(tx)
        if call.transaction is None:
            await demand_targets(call, tx, keys_of(written))
            if written.attaches:
                await attaching(call, tx, keys_of(written))
            await demand_unbooked(call, tx, keys_of(written))
            await relating(call, tx, keys_of(written))
            status, version = written.status, written.version
            await tx.audit(audit.row(call, action, status, time=tx.time, patients=written.patients, written=version))
        return written

    written = await call.write(work)
    if call.type is not None and call.transaction is None:
        call.services.hearing.tell((call.type,))
    if call.type == own_parameters.TYPE and call.transaction is None:
        await call.services.learned()
    if call.type in TYPES and call.transaction is None:
        await call.services.defined(keys_of(written))
    answer = result(written)
    if call.content is not None:
        answer.content = await binary.beside(call, written.version)
    return answer


def result(written: Written) -> Result:
    """Return what an interaction answers for a step that is done."""
    version = written.version
    if version is None:
        return Result(written.status, issues=written.issues, patients=written.patients)
    key = version.key
    return Result(
        written.status,
        body=None if version.deleted else version.body,
        version=str(version.number),
        time=version.time,
        location=None if version.deleted else f"{key.type}/{key.id}/_history/{version.number}",
        issues=written.issues,
        patients=written.patients,
    )
