"""`python -m fhir_server.moving.worker`: a process that prepares lines for the one that writes them.

It gets what it has to know and then blocks of lines on its standard input, and sends what they become on its standard
output.
"""

from __future__ import annotations

from typing import BinaryIO

from fhir_server.moving.arriving import Arriving
from fhir_server.moving.prepare import Begun, prepare
from fhir_server.preparers.pipe import frame, take
from fhir_server.preparers.process import Tools, serve
from fhir_server.views.former import TABLE

USUAL = (
    *("Patient", "Consent", "Appointment", "Composition", "Encounter", "Provenance", "DocumentReference", "Binary"),
    "Communication",
)
"""Types that lines become."""


async def _work(given: BinaryIO, out: BinaryIO) -> None:
    tools = Tools(USUAL)
    begun: Begun = take(given)
    async with tools.services(begun.setup, (TABLE,)) as services:
        arriving = Arriving(services, begun.folder, begun.notice)
        while True:
            kind, lines = take(given)
            out.write(frame(await prepare(arriving, kind, lines)))
            out.flush()


if __name__ == "__main__":
    serve(_work)
