"""Whose a Binary is: that of its securityContext, and of the resources that name it.

http://hl7.org/fhir/R4/binary.html#security. What names a Binary is kept as records (`ATTACHMENTS`) in the commit that
writes it, so that restrictions of every later statement look at it; all versions of the Binary get the patients whom
that is about as owners. A resource about nobody names a Binary without a consequence. Where a securityContext says
which patients a Binary is about, only what is about one of them counts.

It is done when all steps of a write have run: what an entry of a Bundle names may be written by another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fhir_server.errors import Forbidden
from fhir_server.interactions import binary
from fhir_server.interactions.access import within
from fhir_server.interactions.call import Call, Services
from fhir_server.model.fhir_json import parse
from fhir_server.model.reference import Local, links, parse_reference
from fhir_server.store.base import Key, RecordTable, Transaction, Version
from profiles.restriction import ALL, ATTACHMENTS

TABLE = RecordTable(ATTACHMENTS, indexed=("binary", "named", "holder"))
BINARY = "Binary"
TELLING_ONLY = frozenset(("AuditEvent", "Provenance"))
"""Types that tell what was done with a Binary: they do not have it."""
_NAMED = b"Binary/"


def attaches(version: Version, before: Version | None) -> bool:
    """Whether writing `version` after `before` may change whose a Binary is."""
    return version.key.type == BINARY or _NAMED in version.body or (before is not None and _NAMED in before.body)


async def attaching(call: Call, tx: Transaction, keys: Iterable[Key]) -> None:
    """Keep what the resources `keys`, just written, say of Binaries.

    Raises Forbidden when one names a Binary that its writer may not read, be it there or not, and did not do so before.
    """
    written = [version for key in keys if (version := await tx.read(key, restriction=ALL)) is not None]
    changes = [(version, *await _change(call.services, tx, version)) for version in written]
    for version, named, before in changes:
        for key, expression in named.items():
            if key not in before and call.principal.rights.limited:
                await _demand_readable(call, tx, key, expression)
        await _note(tx, version, named, before)
    touched = {key: None for _, named, before in changes for key in (*named, *before)}
    touched.update(dict.fromkeys(version.key for version in written if version.key.type == BINARY))
    for key in touched:
        await _settle(call.services, tx, key)


async def attached_anew(services: Services, tx: Transaction, key: Key) -> None:
    """Keep what a resource says of Binaries that was written before this was kept."""
    version = await tx.read(key, restriction=ALL)
    if version is None or not attaches(version, None):
        return
    named, before = await _change(services, tx, version)
    await _note(tx, version, named, before)
    for each in (*named, *before, *([key] if key.type == BINARY else ())):
        await _settle(services, tx, each)


async def _change(services: Services, tx: Transaction, version: Version) -> tuple[dict[Key, str], set[Key]]:
    """Return the Binaries that a resource names now, each with the first place, and those it is known to name."""
    if version.key.type == BINARY:
        return {}, set()
    records = await tx.records.find(TABLE.name, "holder", _name(version.key))
    before = {Key(BINARY, str(record.value["named"]).partition("/")[2]) for record in records}
    return _named(services, version), before


def _named(services: Services, version: Version) -> dict[Key, str]:
    found: dict[Key, str] = {}
    if version.deleted or _NAMED not in version.body:
        return found
    for place in links(parse(version.body)):
        target = parse_reference(place.text, services.base) if place.type != "xhtml" else None
        if isinstance(target, Local) and target.type == BINARY:
            found.setdefault(Key(BINARY, target.id), place.expression)
    return found


async def _demand_readable(call: Call, tx: Transaction, key: Key, expression: str) -> None:
    """Whoever chooses ids may name what is still to come; anybody else would name what becomes another's."""
    if await tx.read(key, restriction=within(call, "read", BINARY)) is not None:
        return
    if call.principal.rights.assigns_ids and await tx.read(key, restriction=ALL) is None:
        return
    raise Forbidden(
        "A resource may name only a Binary that you may read: write the Binary first, or in the same transaction.",
        expression=expression,
    )


async def _note(tx: Transaction, version: Version, named: Iterable[Key], before: Iterable[Key]) -> None:
    """Make the records of what a resource names; which of them count, `_settle` decides."""
    holder, after = _name(version.key), set(named)
    for key in set(before) - after:
        await tx.records.delete(TABLE.name, f"{holder}|{_name(key)}")
    for key in after:
        await tx.records.put(
            TABLE.name, f"{holder}|{_name(key)}", {"named": _name(key), "holder": holder, "context": 0}
        )


async def _settle(services: Services, tx: Transaction, key: Key) -> None:
    """Decide what counts of all that names a Binary, and give its versions their owners."""
    name, current = _name(key), await tx.read(key, restriction=ALL)
    last, own = 0, list[Key]()
    if current is not None:
        last = current.number - 1 if current.deleted else current.number
        shown = await tx.vread(key, last, restriction=ALL)
        own = await _context(tx, key, shown.body if shown else b"")
    naming: dict[Key, None] = {}
    for record in await tx.records.find(TABLE.name, "named", name):
        if record.value["context"]:
            continue
        about = await _about(tx, str(record.value["holder"]))
        counts = bool(about) and (not own or not set(own).isdisjoint(about))
        naming.update(dict.fromkeys(about if counts else ()))
        value = {each: of for each, of in record.value.items() if each != "binary"}
        await tx.records.put(TABLE.name, record.key, value | ({"binary": name} if counts else {}))
    for number in range(1, last + 1):
        version = await tx.vread(key, number, restriction=ALL)
        if version is not None and not version.deleted:
            about = await binary.subjects_of(tx, version.body) or sorted(naming)
            await tx.own(key, number, about)
            if number == last and current is not None and not current.deleted:
                entries = services.extractor.entries(parse(version.body), base=services.base)
                await tx.reindex(key, number, entries, about)
    if current is not None and current.deleted:
        await tx.own(key, current.number, own or sorted(naming))


async def _context(tx: Transaction, key: Key, body: bytes) -> list[Key]:
    """Keep the securityContext of a Binary as what its restrictions look at; return the patients it is about.

    A patient needs none of that: the owners say so.
    """
    name, context = _name(key), binary.context_of(body) if body else None
    if context is None or context.type == "Patient":
        await tx.records.delete(TABLE.name, f"{name}|context")
    else:
        value = {"binary": name, "named": name, "holder": _name(context), "context": 1}
        await tx.records.put(TABLE.name, f"{name}|context", value)
    return await binary.subjects_of(tx, body) if body else []


async def _about(tx: Transaction, holder: str) -> Sequence[Key]:
    """Return the patients that a resource is about which has a Binary."""
    type, _, id = holder.partition("/")
    version = await tx.read(Key(type, id), restriction=ALL)
    if version is None or version.deleted or type in TELLING_ONLY:
        return ()
    return await tx.subjects(version.key, version.number, restriction=ALL)


def _name(key: Key) -> str:
    return f"{key.type}/{key.id}"
