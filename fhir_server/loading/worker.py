"""`python -m fhir_server.loading.worker`: a process that prepares files for the one that writes them.

It gets its `Setup` and then the files on its standard input, and sends what it prepares on its standard output. It
reads the store and never writes. When the other end is gone it ends too, and what Ctrl-C means is for the other process
to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import pickle
import signal
import sys
from typing import Any, BinaryIO, cast

from fhir_server.interactions.call import Services, system_clock
from fhir_server.interactions.ids import id_maker
from fhir_server.interactions.judging import ProfileJudge
from fhir_server.interactions.own_definitions import TABLE as PACKAGES
from fhir_server.interactions.own_definitions import OwnDefinitions
from fhir_server.interactions.profiles import Policy
from fhir_server.loading.pieces import prepare_pieces
from fhir_server.loading.pipe import LENGTH, Sent, Setup, frame
from fhir_server.loading.settled import TABLE
from fhir_server.loading.sources import Source
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.search.parse import criteria
from fhir_server.store.base import Store
from fhir_server.store.connect import reading
from profiles.packages.catalogue import Catalogue
from profiles.validation.validator import Validator

USUAL = (
    "Patient",
    "Observation",
    "Encounter",
    "Condition",
    "Procedure",
    "MedicationRequest",
    "DiagnosticReport",
    "Immunization",
    "CarePlan",
    "Claim",
    "ExplanationOfBenefit",
)
"""Types that many files hold: they are made ready while the process that writes still opens the store."""
PIPE = 1 << 20
"""Bytes that a pipe should hold, so that few calls move much."""


def main() -> None:
    """Prepare what comes in until nothing comes any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(100_000, 50, 100)
    given, out = sys.stdin.buffer, sys.stdout.buffer
    _widen(out)
    with contextlib.suppress(BrokenPipeError, EOFError):
        asyncio.run(_work(given, out))
    # What is left in the buffer has nobody to go to.
    os._exit(0)


async def _work(given: BinaryIO, out: BinaryIO) -> None:
    registry = Registry()
    extractor, validator = Extractor(registry), Validator()
    for name in USUAL:
        validator.prepare(name)
        extractor.prepare(name)
    gc.freeze()
    setup: Setup = _take(given)
    registry.change(setup.additions)

    async def send(value: Sent) -> None:
        out.write(frame(value))
        out.flush()

    async def turn() -> None:
        _take(given)

    find = criteria(registry, base=setup.base, now=system_clock())
    async with reading(setup.store, criteria=find, tables=(TABLE, PACKAGES)) as snapshot:
        catalogue = Catalogue()
        await OwnDefinitions(snapshot, catalogue).learn()
        services = Services(
            # Preparing only reads: it asks nothing of a store that a snapshot does not have.
            store=cast(Store, snapshot),
            registry=registry,
            extractor=extractor,
            validator=validator,
            base=setup.base,
            secret=b"",
            limits=setup.limits,
            new_id=id_maker(),
            policy=setup.policy or Policy(),
            catalogue=catalogue,
            judge=ProfileJudge(catalogue, validator, snapshot.concepts),
        )
        while True:
            source: Source = _take(given)
            await prepare_pieces(services, source, send, turn)


def _take(given: BinaryIO) -> Any:
    length = given.read(LENGTH)
    if len(length) < LENGTH:
        raise EOFError
    return pickle.loads(given.read(int.from_bytes(length)))


def _widen(pipe: BinaryIO) -> None:
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE)


if __name__ == "__main__":
    main()
