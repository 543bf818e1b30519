"""What leaves a row in the audit trail: every sign-in, its end, its refusal, and every change of an account."""

from __future__ import annotations

from auth.ports import Clock, Event, Row, Store, Transaction


class Trail:
    """Writes events as rows of the host's kind. With `waits` a row that rides alone is waited for."""

    def __init__(self, store: Store, row: Row, now: Clock, *, waits: bool = False) -> None:
        self._store = store
        self._row = row
        self._now = now
        self._waits = waits

    async def note(self, event: Event, tx: Transaction | None = None) -> None:
        """Leave a row: with the transaction when there is one, else with the next commit."""
        if tx is not None:
            await tx.audit(self._row(event, tx.time))
        else:
            await self._store.audit(self._row(event, self._now()), wait=self._waits)
