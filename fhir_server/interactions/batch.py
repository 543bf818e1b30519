"""batch: `POST [base]` with a Bundle of type batch (http://hl7.org/fhir/R4/http.html#transaction).

Each entry is an interaction of its own: it succeeds or fails alone, and cannot refer to another entry. Entries of the
same kind run side by side, so that their writes share a commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Set
from dataclasses import replace
from itertools import groupby

from fhir_server.errors import Refusal, Unprocessable
from fhir_server.interactions import audit
from fhir_server.interactions.answer import answer, refused_answer
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.entries import ordered, rank, raw_entries
from fhir_server.interactions.entry import Entry, read_entry
from fhir_server.interactions.mentions import mentions
from fhir_server.interactions.table import READING, WRITING
from fhir_server.model.bundle import response
from fhir_server.model.reference import rewrite

ABREAST = 16
"""How many entries are under way at once."""


async def batch(call: Call) -> Result:
    """Do what each entry asks: 200 with a batch-response in the order of the entries, failures among them."""
    raw = raw_entries(call)
    answers: dict[int, bytes] = {}
    entries: list[Entry] = []
    for index, each in enumerate(raw):
        try:
            entries.append(read_entry(call, each, index))
        except Refusal as refusal:
            await audit.refused(call, "batch", refusal.status)
            answers[index] = refused_answer(_nothing(call, index), refusal)
    placeholders = frozenset(
        entry.full_url for entry in entries if entry.full_url and entry.full_url.startswith("urn:")
    )
    for _, group in groupby(ordered(entries), key=rank):
        answers |= await _abreast(group, placeholders)
    body = response("batch-response", (answers[index] for index in range(len(raw))))
    return Result(200, body=body)


async def _abreast(group: Iterable[Entry], placeholders: Set[str]) -> dict[int, bytes]:
    """Run the entries of one kind, a few at a time."""
    waiting = iter(list(group))
    answers: dict[int, bytes] = {}

    async def lane() -> None:
        for entry in waiting:
            answers[entry.index] = await _one(entry, placeholders)

    async with asyncio.TaskGroup() as lanes:
        for _ in range(ABREAST):
            lanes.create_task(lane())
    return answers


async def _one(entry: Entry, placeholders: Set[str]) -> bytes:
    interaction = WRITING[entry.interaction].perform if entry.interaction in WRITING else READING[entry.interaction]
    try:
        _refuse_placeholders(entry, placeholders)
        return answer(entry, await interaction(entry.call))
    except Refusal as refusal:
        await audit.refused(entry.call, entry.interaction, refusal.status)
        return refused_answer(entry, refusal)


def _refuse_placeholders(entry: Entry, placeholders: Set[str]) -> None:
    """Refuse a reference to another entry: kept as it is, it would point to nothing for ever."""
    if not placeholders:
        return
    others = placeholders - {entry.full_url}
    if mentions(entry.call, others):
        raise _dependent(f"{entry.name}.request")
    found: list[str] = []
    if entry.call.resource is not None:
        rewrite(entry.call.resource, lambda text: found.append(text) if text in others else None)
    if found:
        raise _dependent(f"{entry.name}.resource")


def _dependent(expression: str) -> Unprocessable:
    return Unprocessable(
        "This refers to another entry by its fullUrl, and entries of a batch are independent of each other: send a "
        "Bundle of type transaction.",
        expression=expression,
    )


def _nothing(call: Call, index: int) -> Entry:
    """Stand for an entry that could not be read."""
    return Entry(index, "", "", replace(call, resource=None), None)
