"""Large CodeSystem resources in the concept store: as `interactions.own_definitions` has them indexed.

The resource is what counts, and what indexes it is made of it again whenever it is missing: after a kill at any moment
the next start indexes what is not, and takes out what stands for nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any, overload

import msgspec

from fhir_server.store.base import Store, Transaction, Version
from fhir_server.terminologies.code_system import content_of
from fhir_server.terminologies.item import Content, Wish
from fhir_server.terminologies.load import fill, forget
from fhir_server.terminologies.release import ReleaseError
from profiles.restriction import ALL
from profiles.terminology.head import Head
from profiles.validation.well_formed import well_formed

LARGE = 2_000
"""Concepts from which on a code system is indexed: in memory each takes about 1 kB, and reading so many some 20 ms."""
_LEAST = 12
"""Bytes of JSON that a concept has at least: `{"code":"x"}`."""

_top = msgspec.json.Decoder(dict[str, msgspec.Raw])
_rows = msgspec.json.Decoder(list[msgspec.Raw])
_value = msgspec.json.Decoder(float_hook=Decimal)

log = logging.getLogger("fhir_server")


class ResourceIndex:
    """See `interactions.own_definitions.Indexing`. `stop` it before the store is closed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sweeping: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        """Leave the rows that are still to be forgotten to the next start."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait({self._sweeping})

    def _sweep(self) -> None:
        # Nobody who writes waits for it: what is not published is not seen.
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.get_running_loop().create_task(forget(self._store), name="fhir-concepts")

    async def index(self, version: Version) -> Mapping[str, Any] | None:
        """Return a large and complete CodeSystem without its concepts, indexed by now; None for any other.

        One whose concepts are not what R4 says, or several of one code, stays as it is.
        """
        parts = _parts(version.body)
        if parts is None:
            return None
        rest, rows = parts
        source = "/".join(version.key)
        heads = self._store.concepts.heads()
        there = any((each.source, each.number) == (source, version.number) for each in heads)
        if not there:
            concepts = _concepts(rows)
            if concepts is None or not well_formed(rest) or not await self._indexed(version, source, rest, concepts):
                return None
        return {**rest, "content": "not-present"}

    async def _indexed(self, version: Version, source: str, rest: Mapping[str, Any], concepts: _Concepts) -> bool:
        if not concepts.are_more_than(LARGE) or not all(well_formed({**_BARE, "concept": [each]}) for each in concepts):
            return False
        try:
            content = content_of(source, {**rest, "concept": concepts}, len(version.body), Wish())
            content = Content(_head(content.head, rest, concepts, source, version.number), content.size, content.items)
            report = await fill(self._store, content, partial(_publish, version=version), lenient=False, told=_nobody)
        except (ReleaseError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
            # What it is about may be in the text of the error.
            log.warning("a code system is not indexed", extra={"source": source, "error": type(error).__name__})
            return False
        self._sweep()
        return report.head is not None

    async def keep_only(self, standing: Callable[[str, int], bool], sources: Iterable[str] | None = None) -> None:
        """Take out what indexes resources (those of `sources`, or all) that are not `standing` in that version."""
        heads = [each for each in self._store.concepts.heads() if each.source]
        wanted = None if sources is None else set(sources)
        gone = [
            each.source
            for each in heads
            if (wanted is None or each.source in wanted) and not standing(each.source, each.number)
        ]
        for source in gone:
            await self._store.write(partial(_withdraw, source=source))
        if gone or sources is None:
            self._sweep()


_BARE = {"resourceType": "CodeSystem", "status": "draft", "content": "complete"}


class _Concepts(Sequence[Any]):
    """The outermost concepts of a resource, each read when it is come to: never all of them at once."""

    def __init__(self, rows: list[msgspec.Raw]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Any: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Any]: ...

    def __getitem__(self, at: int | slice) -> Any:
        return (
            _value.decode(self._rows[at]) if isinstance(at, int) else [_value.decode(each) for each in self._rows[at]]
        )

    def __iter__(self) -> Iterator[Any]:
        return map(_value.decode, self._rows)

    def are_more_than(self, count: int) -> bool:
        """Whether there are more concepts than that, nested ones included."""
        if len(self._rows) > count:
            return True
        total = 0
        waiting: list[Any] = list(self)
        while waiting and total <= count:
            each = waiting.pop()
            total += 1
            inside = each.get("concept") if isinstance(each, dict) else None
            waiting += inside if isinstance(inside, list) else []
        return total > count


def _parts(body: bytes) -> tuple[dict[str, Any], msgspec.Raw] | None:
    """Return what a complete CodeSystem says beside its concepts, and their JSON; None where there are surely few."""
    if len(body) < LARGE * _LEAST:
        return None
    top = _top.decode(body)
    concepts = top.pop("concept", None)
    rest = {name: _value.decode(raw) for name, raw in top.items()}
    if concepts is None or rest.get("content") != "complete" or rest.get("compositional"):
        return None
    return rest, concepts


def _concepts(rows: msgspec.Raw) -> _Concepts | None:
    try:
        return _Concepts(_rows.decode(rows))
    except msgspec.ValidationError:
        return None


def _head(head: Head, rest: Mapping[str, Any], concepts: Iterable[Any], source: str, number: int) -> Head:
    """Return what is said of the whole. Without a meaning of its own, a hierarchy only means is-a by nesting."""
    meaning = rest.get("hierarchyMeaning")
    if meaning is None and not any(each.get("concept") for each in concepts):
        meaning = ""
    return replace(head, source=source, number=number, meaning=meaning)


async def _publish(tx: Transaction, *, key: int, version: Version) -> Head | None:
    """Publish an index, unless the resource is another one by now: then that is indexed by whoever wrote it."""
    now = await tx.read(version.key, restriction=ALL)
    if now is None or now.deleted or now.number != version.number:
        await tx.concepts.give_up(key)
        return None
    return await tx.concepts.publish(key)


async def _withdraw(tx: Transaction, *, source: str) -> int:
    return await tx.concepts.withdraw(source)


def _nobody(what: str, done: int, total: int) -> None:
    """Nobody is told how far it is."""
