"""Anchors of the audit trail while the server runs: made now and then, kept in the store, in a file, and in the log.

What is only in the store can be rewritten with it. The file and the log are there to be kept on another machine.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_server.errors import StoreFull, StoreUnavailable
from fhir_server.key_file import KeyUnusable, key_file
from fhir_server.store.audit_anchor import Anchor, sign
from fhir_server.store.base import RecordTable, Store, Transaction

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TABLE = RecordTable("audit_anchor")
"""Anchors by the sequence number of their row, as decimal digits of one length."""
DIGITS = 20

log = logging.getLogger("fhir_server.audit")


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in `path`, which is made when it does not exist, for its owner alone. Raises KeyUnusable."""
    from cryptography.hazmat.primitives import serialization as pem
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as Key

    def make() -> bytes:
        return Key.generate().private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())

    content = key_file(path, make, "audit key")
    try:
        found = pem.load_pem_private_key(content, None)
    except (ValueError, TypeError):
        raise KeyUnusable(f"The audit key {path} is no unencrypted private key in PEM.") from None
    if not isinstance(found, Key):
        raise KeyUnusable(f"The audit key {path} is not of the kind Ed25519.")
    return found


class Anchoring:
    """The anchors of one store, made in a task of their own between `begin` and `stop`."""

    def __init__(
        self, store: Store, key: Path, now: Callable[[], int], *, every: float = 300.0, file: Path | None = None
    ) -> None:
        """`every` is in seconds; `file` is where to append each anchor."""
        self._store = store
        self._key = key
        self._now = now
        self._every = every
        self._file = file
        self._last = 0
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Make an anchor now and then, where there is something new to anchor."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="fhir-audit-anchors")

    async def stop(self) -> None:
        """Make a last anchor and stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            await self._try()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self._try()

    async def _try(self) -> None:
        try:
            await self.anchor()
        except (StoreUnavailable, StoreFull, KeyUnusable, OSError) as error:
            # The trail itself is not in danger; whoever watches the log sees that its anchors are.
            log.error("the audit trail could not be anchored", extra={"error": type(error).__name__})

    async def anchor(self) -> Anchor | None:
        """Anchor the head of the chain and return that; None when it is anchored already.

        Raises KeyUnusable, OSError for the file, and what the store raises.
        """
        seq, digest = await self._store.audit_head()
        if seq == self._last or seq == 0:
            return None
        made = sign(await asyncio.to_thread(signing_key, self._key), seq, digest, self._now())

        async def keep(tx: Transaction) -> None:
            await tx.records.put(TABLE.name, f"{seq:0{DIGITS}}", {"line": made.line.decode()})

        await self._store.write(keep)
        log.info("audit anchor", extra={"seq": seq, "hash": made.hash, "signature": made.signature, "key": made.key})
        if self._file is not None:
            await asyncio.to_thread(_append, self._file, made)
        self._last = seq
        return made


def _append(path: Path, anchor: Anchor) -> None:
    with path.open("ab") as file:
        file.write(anchor.line + b"\n")
