"""Revocations between workers: what one has changed of a grant or an account, the others forget, too.

While the bus is away nobody would tell: open sockets are looked at again and again then, and once more when it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from auth.admission import Admission
from fhir_server.interactions.call import Principal
from realtime.bus.base import Bus, Happening, Message

TOPIC = "revocations"
EVERY = 1.5
"""Seconds between two looks at all sockets while other workers cannot be heard."""


class Revocations:
    """Joins a tenant's admissions to those of other workers; `recall` looks again at who is on the sockets."""

    def __init__(self, admission: Admission[Principal], bus: Bus, recall: Callable[[], None]) -> None:
        self._admission = admission
        self._bus = bus
        self._recall = recall
        self._hearing = False
        self._looking: asyncio.TimerHandle | None = None
        admission.watch(self._tell)
        bus.subscribe(TOPIC, self._hear)
        bus.watch(self._happened)

    def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def _tell(self, grant: str | None, account: str | None) -> None:
        if not self._hearing:
            self._bus.publish(TOPIC, {"worker": self._bus.worker, "grant": grant, "account": account})

    def _hear(self, message: Message) -> None:
        if message["worker"] != self._bus.worker:
            self._forget(message["grant"], message["account"])

    def _forget(self, grant: str | None, account: str | None) -> None:
        self._hearing = True
        try:
            self._admission.forget(grant=grant, account=account)
        finally:
            self._hearing = False

    def _happened(self, happening: Happening, worker: str) -> None:
        if happening == "away":
            self._look()
        elif happening == "back":
            self.stop()
            self._forget(None, None)

    def _look(self) -> None:
        self._recall()
        self._looking = asyncio.get_running_loop().call_later(EVERY, self._look)
