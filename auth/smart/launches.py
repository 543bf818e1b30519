"""Launch handles: an EHR opens an app with the patient and encounter at hand (SMART App Launch 2.2, EHR launch).

A handle is for one app and one user, for five minutes, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from auth import opaque
from auth.ports import Records, Transaction

SECONDS = 300


@dataclass(frozen=True, slots=True)
class Launch:
    """What a handle stands for. `context` is what else the app is told: `intent`, `need_patient_banner`, …"""

    client: str
    account: str
    patient: str | None = None
    encounter: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


async def open_launch(tx: Transaction, launch: Launch) -> str:
    """Keep a launch; return its handle."""
    return await opaque.issue(tx, "launch", SECONDS, account=launch.account, data=asdict(launch))


async def find(records: Records, handle: str, client: str, account: str) -> Launch | None:
    """Return the launch if it is for that app and user, and is not used up."""
    token = await opaque.find(records, "launch", handle)
    if token is None or token.used:
        return None
    launch = Launch(**token.data)
    return launch if (launch.client, launch.account) == (client, account) else None


async def use(tx: Transaction, handle: str) -> bool:
    """Use a handle up; return whether it still counted."""
    token = await opaque.find(tx.records, "launch", handle)
    if token is None or token.used:
        return False
    await opaque.keep(tx, replace(token, used=tx.time))
    return True
