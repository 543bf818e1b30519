"""Take packages out again: what they brought and nothing else, in one write."""

from __future__ import annotations

from fhir_server.errors import NotFound, Unprocessable
from fhir_server.interactions import audit, commit, own_parameters
from fhir_server.interactions.call import Call, Principal, Services
from fhir_server.interactions.entries import breathe
from fhir_server.interactions.own_definitions import TABLE, installed
from fhir_server.packages.examples import numbers_of, unload
from fhir_server.packages.install import INSTALLER
from fhir_server.packages.report import Removal
from fhir_server.store.base import Key, Record, Transaction
from profiles.packages import core, telemed
from profiles.packages.manifest import split_label
from profiles.restriction import ALL


async def remove(services: Services, label: str, *, principal: Principal = INSTALLER) -> Removal:
    """Remove the package `name#version`, or with `name` alone all its versions.

    Raises PackageError for what is no label, NotFound when it is not installed, Unprocessable for what is part of this
    server.
    """
    name, version = split_label(label)
    if name == core.NAME or (name == telemed.NAME and services.reserved):
        what = "R4 itself" if name == core.NAME else "what this server's own records conform to"
        raise Unprocessable(f"{name} is {what}: it is part of this server and cannot be removed.")
    call = Call(services, principal, services.new_id())
    gone, records, examples, kept = await services.store.write(lambda tx: _take_out(call, tx, name, version))
    if any(key.type == own_parameters.TYPE for key in gone):
        await services.learned()
    await services.defined(gone)
    labels = [record.key for record in records]
    dependents = _dependents(await installed(services.store), labels)
    return Removal(labels, len(gone), dependents, examples, ["/".join(key) for key in kept])


_Out = tuple[list[Key], list[Record], int, list[Key]]
"""Definitions that are gone, records of their packages, how many examples went, examples that stay."""


async def _take_out(call: Call, tx: Transaction, name: str, version: str) -> _Out:
    records = [
        each for each in await tx.records.find(TABLE.name, "name", name) if version in ("", each.value["version"])
    ]
    if not records:
        raise NotFound(f"{name}{f'#{version}' if version else ''} is not installed: see fhir-server package list.")
    gone: list[Key] = []
    examples: list[Key] = []
    kept: list[Key] = []
    for record in records:
        for type, id in record.value["definitions"]:
            found = await tx.read(Key(type, id), restriction=ALL)
            if found is not None and not found.deleted:
                await commit.bury(call, tx, found)
                gone.append(found.key)
            await breathe(len(gone))
        out, left = await unload(call, tx, numbers_of(record))
        examples += out
        kept += left
        await tx.records.delete(TABLE.name, record.key)
    details = {"packages": [each.key for each in records], "definitions": len(gone), "examples": len(examples)}
    await tx.audit(audit.row(call, "remove-package", 200, time=tx.time, details=details))
    return gone, records, len(examples), kept


def _dependents(left: list[Record], labels: list[str]) -> list[str]:
    """Return the packages that state one of `labels` as a dependency."""
    return [
        record.key
        for record in left
        if any(f"{name}#{version}" in labels for name, version in record.value["dependencies"].items())
    ]
