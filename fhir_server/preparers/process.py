"""A process that prepares: it reads the store and never writes.

When the other end is gone it ends too, and what Ctrl-C means is for the other process to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import BinaryIO, cast

from fhir_server.interactions.call import Services, system_clock
from fhir_server.interactions.ids import id_maker
from fhir_server.interactions.judging import ProfileJudge
from fhir_server.interactions.own_definitions import TABLE as PACKAGES
from fhir_server.interactions.own_definitions import OwnDefinitions
from fhir_server.interactions.profiles import Policy
from fhir_server.preparers.pipe import Setup
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.search.parse import criteria
from fhir_server.store.base import RecordTable, Store
from fhir_server.store.connect import reading
from profiles.packages.catalogue import Catalogue
from profiles.validation.validator import Validator

PIPE = 1 << 20
"""Bytes that a pipe should hold, so that few calls move much."""
Work = Callable[[BinaryIO, BinaryIO], Awaitable[None]]


def serve(work: Work) -> None:
    """Do `work`, which reads what is given on one end and writes to the other, until nothing comes any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(100_000, 50, 100)
    given, out = sys.stdin.buffer, sys.stdout.buffer
    _widen(out)

    async def begun() -> None:
        await work(given, out)

    with contextlib.suppress(BrokenPipeError, EOFError):
        asyncio.run(begun())
    # What is left in the buffer has nobody to go to.
    os._exit(0)


class Tools:
    """What reads and judges resources, made ready for some types while the process that writes opens the store."""

    def __init__(self, usual: Iterable[str]) -> None:
        self.registry = Registry()
        self.extractor, self.validator = Extractor(self.registry), Validator()
        for name in usual:
            self.validator.prepare(name)
            self.extractor.prepare(name)
        gc.freeze()

    @contextlib.asynccontextmanager
    async def services(self, setup: Setup, tables: Sequence[RecordTable]) -> AsyncIterator[Services]:
        """Return services over the store as of its newest commit, with these of its tables."""
        self.registry.change(setup.additions)
        find = criteria(self.registry, base=setup.base, now=system_clock())
        async with reading(setup.store, criteria=find, tables=(*tables, PACKAGES)) as snapshot:
            catalogue = Catalogue()
            await OwnDefinitions(snapshot, catalogue).learn()
            yield Services(
                # Preparing only reads: it asks nothing of a store that a snapshot does not have.
                store=cast(Store, snapshot),
                registry=self.registry,
                extractor=self.extractor,
                validator=self.validator,
                base=setup.base,
                secret=b"",
                limits=setup.limits,
                new_id=id_maker(),
                policy=setup.policy or Policy(),
                catalogue=catalogue,
                judge=ProfileJudge(catalogue, self.validator, snapshot.concepts),
            )


def _widen(pipe: BinaryIO) -> None:
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE)
