"""`python -m fhir_server.loading.worker`: a process that prepares files for the one that writes them.

It gets its `Setup` and then the files on its standard input, and sends what it prepares on its standard output.
"""

from __future__ import annotations

from typing import BinaryIO

from fhir_server.loading.pieces import prepare_pieces
from fhir_server.loading.pipe import Sent
from fhir_server.loading.settled import TABLE
from fhir_server.loading.sources import Source
from fhir_server.preparers.pipe import Setup, frame, take
from fhir_server.preparers.process import Tools, serve

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
"""Types that many files hold."""


async def _work(given: BinaryIO, out: BinaryIO) -> None:
    tools = Tools(USUAL)
    setup: Setup = take(given)

    async def send(value: Sent) -> None:
        out.write(frame(value))
        out.flush()

    async def turn() -> None:
        take(given)

    async with tools.services(setup, (TABLE,)) as services:
        while True:
            source: Source = take(given)
            await prepare_pieces(services, source, send, turn)


if __name__ == "__main__":
    serve(_work)
