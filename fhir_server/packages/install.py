"""Install a package: everything is made ready outside of the write, and put in one, with the package's record.

A package is in or it is not: a kill at any moment leaves the one or the other. To install it again changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auth.rights import EVERYTHING
from fhir_server.errors import Conflict, Unprocessable
from fhir_server.interactions import audit, commit, own_parameters
from fhir_server.interactions.call import Call, Principal, Services
from fhir_server.interactions.conditional import Moved
from fhir_server.interactions.entries import breathe
from fhir_server.interactions.own_definitions import TABLE
from fhir_server.packages.definition import AUTHOR, Ready, put, ready
from fhir_server.packages.examples import Chosen, choose, load, numbers_of, rows_of, unload
from fhir_server.packages.report import Report, State
from fhir_server.store.base import Key, Record, RecordConflict, Transaction, VersionConflict
from profiles.packages import core
from profiles.packages.package import Package
from profiles.packages.sources import Part, parts_of
from profiles.packages.telemed import NAME, is_own, telemed_digest
from profiles.restriction import ALL

ATTEMPTS = 5
INSTALLER = Principal(AUTHOR, EVERYTHING)
FLOATING = ("", "x", "current", "dev", "latest")
"""Versions of a dependency that any version satisfies."""

Progress = Callable[[int, int], None]


async def install(
    services: Services,
    package: Package,
    *,
    strict: bool = False,
    examples: bool = False,
    moved: Progress | None = None,
    principal: Principal = INSTALLER,
    request: str = "",
) -> Report:
    """Install `package` and return what became of it; `moved` is told how many of how many definitions are ready.

    With `examples` its examples are put too, as ordinary resources, where nothing else is under their ids.

    Raises PackageError for a definition that cannot be kept, Unprocessable for another edition of what this software
    brings, and when `strict` for what is missing.
    """
    parts = parts_of(package)
    own = any(is_own(part.label) for part in parts)
    if own and package.digest != telemed_digest():
        raise Unprocessable(f"{NAME} is part of this server, which has its own edition: it cannot be replaced.")
    missing, unresolved = _missing(services, parts), {} if own else _unresolved(services, package.needs)
    if strict and (missing or unresolved):
        raise Unprocessable(_refusal(package, missing, unresolved))
    call = Call(services, principal, request or services.new_id())
    for _ in range(ATTEMPTS):
        wanted = await _wanted(services, package, parts)
        made = await _ready(services, wanted, moved)
        chosen = await choose(call, package, parts[0].label) if examples else None
        work = _Work(call, package, parts[0].label, wanted, made, chosen, (missing, unresolved))
        try:
            refused = await services.store.write(work) if wanted or chosen else []
        except (Moved, VersionConflict, RecordConflict):
            continue
        await _announce(services, [each.key for each in made.values()] + work.buried)
        state: State = "unchanged" if not wanted else "replaced" if any(w.before for w in wanted) else "installed"
        faults = [each.fault for each in made.values() if each.fault]
        return Report(
            label=package.manifest.label,
            title=package.manifest.title,
            state=state,
            parts=[(part.label, len(part.definitions)) for part in parts],
            counts=Counter(each.type for each in package.definitions),
            examples=len(package.examples) - work.loaded,
            loaded=work.loaded,
            missing=missing,
            unresolved=unresolved,
            warnings=[*package.warnings, *faults, *refused],
        )
    raise Conflict("The store's search parameters kept changing; nothing was installed. Try again.", code="transient")


@dataclass(frozen=True, slots=True)
class _Wanted:
    part: Part
    before: Record | None


async def _wanted(services: Services, package: Package, parts: Sequence[Part]) -> list[_Wanted]:
    """Return the parts that are not in as they are. What is in whole is not replaced by a part of it."""
    found = []
    for part in parts:
        before = await _before(services, part)
        same = before is not None and before.value["digest"] == package.digest
        if not same and not (before is not None and before.value["whole"] and not part.whole):
            found.append(_Wanted(part, before))
    return found


async def _before(services: Services, part: Part) -> Record | None:
    """Return the record of what the part replaces: of the package that this software brings, whatever its version."""
    if is_own(part.label):
        return next(iter(await services.store.records.find(TABLE.name, "name", part.name)), None)
    return await services.store.records.get(TABLE.name, part.label)


async def _ready(services: Services, wanted: Sequence[_Wanted], moved: Progress | None) -> dict[Key, Ready]:
    total = sum(len(each.part.definitions) for each in wanted)
    made: dict[Key, Ready] = {}
    for each in wanted:
        for artifact in each.part.definitions:
            definition = ready(services, each.part.label, artifact)
            made[definition.key] = definition
            if moved is not None:
                moved(len(made), total)
            await asyncio.sleep(0)
    return made


class _Work:
    """The write. It may be run again, and begins from nothing each time."""

    def __init__(
        self,
        call: Call,
        package: Package,
        label: str,
        wanted: Sequence[_Wanted],
        made: Mapping[Key, Ready],
        chosen: Chosen | None,
        lacks: tuple[Sequence[str], Mapping[str, str]],
    ) -> None:
        self._call, self._package, self._wanted, self._made = call, package, wanted, made
        self._label, self._chosen = label, chosen
        self._missing, self._unresolved = lacks
        self.buried: list[Key] = []
        self.loaded = 0

    async def __call__(self, tx: Transaction) -> list[str]:
        """Put everything; return what searches cannot use of it and which examples were left, in sentences."""
        self.buried = []
        refused = []
        for index, definition in enumerate(self._made.values()):
            if definition.mark != self._call.services.registry.mark:
                raise Moved
            if reason := await put(tx, definition):
                refused.append(reason)
            await breathe(index)
        for each in self._wanted:
            await self._record(tx, each)
        patients, left = await self._examples(tx) if self._chosen is not None else ((), ())
        details = {"package": self._package.manifest.label, "definitions": len(self._made), "examples": self.loaded}
        row = audit.row(self._call, "$install-package", 200, time=tx.time, patients=patients, details=details)
        await tx.audit(row)
        return [*refused, *left]

    async def _examples(self, tx: Transaction) -> tuple[Sequence[str], Sequence[str]]:
        """Put the examples; return the patients they are about, and what is to be told of those that were left."""
        record = await tx.records.get(TABLE.name, self._label)
        if self._chosen is None or record is None:
            return (), ()
        before = numbers_of(record)
        loaded = await load(self._call, tx, self._chosen, before)
        await unload(self._call, tx, {key: n for key, n in before.items() if key not in loaded.numbers})
        value = {**record.value, "examples": rows_of(loaded.numbers)}
        await tx.records.put(TABLE.name, self._label, value, expect=record.revision)
        self.loaded = len(loaded.numbers)
        return loaded.patients, [*self._chosen.left, *loaded.conflicts]

    async def _record(self, tx: Transaction, wanted: _Wanted) -> None:
        part, before = wanted.part, wanted.before
        own = [key for key, made in self._made.items() if made.label == part.label]
        kept: list[Key] = []
        for type, id in before.value["definitions"] if before else ():
            key = Key(type, id)
            if key in self._made:
                continue
            if before is not None and before.value["whole"]:
                await self._bury(tx, key)
            else:
                kept.append(key)
        value = self._value(part, [*own, *kept], tx.time) | {"examples": rows_of(numbers_of(before))}
        if before is not None and before.key != part.label:
            await tx.records.delete(TABLE.name, before.key)
            before = None
        await tx.records.put(TABLE.name, part.label, value, expect=before.revision if before else 0)

    async def _bury(self, tx: Transaction, key: Key) -> None:
        version = await tx.read(key, restriction=ALL)
        if version is not None and not version.deleted:
            await commit.bury(self._call, tx, version)
            self.buried.append(key)

    def _value(self, part: Part, definitions: Sequence[Key], time: int) -> dict[str, Any]:
        manifest = self._package.manifest
        guides = [each.canonical for each in part.definitions if each.type == "ImplementationGuide"]
        return {
            "name": part.name,
            "version": part.version,
            "title": manifest.title,
            "guide": guides[0] if guides else "",
            "digest": self._package.digest,
            "source": manifest.label,
            "whole": part.whole,
            "time": time,
            "dependencies": dict(part.dependencies),
            "definitions": [list(key) for key in definitions],
            "missing": list(self._missing),
            "unresolved": len(self._unresolved),
        }


def _missing(services: Services, parts: Sequence[Part]) -> list[str]:
    """Return the dependencies that are neither installed nor among `parts`, as `name#version`."""
    there = {(core.NAME, core.VERSION)} | {(each.name, each.version) for each in services.catalogue.packages}
    there |= {(part.name, part.version) for part in parts}
    names = {name for name, _ in there}
    found = []
    for part in parts:
        for name, version in part.dependencies.items():
            floats = version in FLOATING and name in names
            within = version.endswith(".x") and any(n == name and v.startswith(version[:-1]) for n, v in there)
            if not (floats or within or (name, version) in there):
                found.append(f"{name}#{version}")
    return found


def _unresolved(services: Services, needs: Mapping[str, str]) -> dict[str, str]:
    resolve = services.catalogue.resolve
    return {
        canonical: by
        for canonical, by in sorted(needs.items())
        if not core.knows(canonical) and services.catalogue.find(canonical) is None and resolve(canonical) is None
    }


def _refusal(package: Package, missing: Sequence[str], unresolved: Mapping[str, str]) -> str:
    parts = []
    if missing:
        parts.append(f"packages that are not installed: {', '.join(missing[:50])}")
    if unresolved:
        parts.append(f"{len(unresolved)} canonicals that nothing defines here: {', '.join(list(unresolved)[:50])}")
    return (
        f"{package.manifest.label} needs {'; and '.join(parts)}. Nothing was installed: add what is missing first, or "
        "leave out strict."
    )


async def _announce(services: Services, keys: Sequence[Key]) -> None:
    """Have the tenant know what was written, before anybody is told that it was."""
    if any(key.type == own_parameters.TYPE for key in keys):
        await services.learned()
    await services.defined(keys)
