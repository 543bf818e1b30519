"""Examples of a package as ordinary resources: only where they are asked for, and never over what others wrote.

An example keeps its own id, so that examples may refer to each other, and has the package's tag. The package's record
says which version each was put as: what is at another version since then belongs to whoever changed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fhir_server.errors import Unprocessable
from fhir_server.interactions import commit
from fhir_server.interactions.call import Call
from fhir_server.interactions.commit import Prepared
from fhir_server.interactions.entries import breathe
from fhir_server.model.fhir_json import parse
from fhir_server.packages.definition import tagged
from fhir_server.store.base import Key, Record, Transaction
from profiles.packages.package import Package
from profiles.packages.read_package import DEFINING
from profiles.restriction import ALL

Numbers = Mapping[Key, int]
"""Examples that a package has put, each with the number of the version that it is."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Examples that can be put, and sentences on those that cannot."""

    ready: Sequence[Prepared] = ()
    left: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of chosen examples: those that are in, the patients they are about, and sentences on the others."""

    numbers: Numbers
    patients: Sequence[str]
    conflicts: Sequence[str]


async def choose(call: Call, package: Package, label: str) -> Chosen:
    """Return the examples of `package` made ready to be put, with the tag of `label`.

    Left out are definitions, which would count as such, and what has no id of its own or may not be written here.
    """
    ready: dict[Key, Prepared] = {}
    left = []
    for index, each in enumerate(package.examples):
        await breathe(index)
        key = Key(each.type, each.id)
        if each.type in DEFINING:
            left.append(f"The example {each.entry} was left out: it is a definition and would count as one.")
        elif not each.id or key in ready:
            left.append(f"The example {each.entry} was left out: it has no id of its own.")
        else:
            try:
                ready[key] = commit.prepare(call, tagged(parse(each.text), label), key)
            except Unprocessable as refusal:
                left.append(f"The example {each.entry} was left out: {refusal}")
    return Chosen(list(ready.values()), left)


async def load(call: Call, tx: Transaction, chosen: Chosen, before: Numbers) -> Loaded:
    """Put `chosen` where nothing else is; what `before` has and nobody changed is replaced. Raises Moved."""
    numbers: dict[Key, int] = {}
    patients: list[str] = []
    conflicts = []
    for index, each in enumerate(chosen.ready):
        await breathe(index)
        there = await tx.read(each.key, restriction=ALL)
        living = there is not None and not there.deleted
        if there is not None and living and before.get(each.key) != there.number:
            conflicts.append(f"{'/'.join(each.key)} is there already and was left as it is: the example was left out.")
        elif there is not None and living and not each.content and there.body.endswith(each.draft):
            numbers[each.key] = there.number
        else:
            numbers[each.key] = (await commit.put(call, tx, each, there, "PUT")).number
            patients += each.patients
    return Loaded(numbers, patients, conflicts)


async def unload(call: Call, tx: Transaction, numbers: Numbers) -> tuple[list[Key], list[Key]]:
    """Take examples out again; return which are gone, and which stay because somebody has changed them."""
    gone, kept = [], []
    for index, (key, number) in enumerate(numbers.items()):
        await breathe(index)
        there = await tx.read(key, restriction=ALL)
        if there is None or there.deleted:
            continue
        if there.number == number:
            await commit.bury(call, tx, there)
            gone.append(key)
        else:
            kept.append(key)
    return gone, kept


def numbers_of(record: Record | None) -> Numbers:
    """Return the examples that the record of a package names."""
    rows = record.value.get("examples", ()) if record is not None else ()
    return {Key(type, id): number for type, id, number in rows}


def rows_of(numbers: Numbers) -> list[list[str | int]]:
    """Return examples as a package's record keeps them."""
    return [[*key, number] for key, number in numbers.items()]
