"""The audit row of a request: who did what to whose data, and how it ended.

The row of a write commits with the write; the row of a read rides the next commit, for which the answer waits where
`Services.audit_waits` says so; a refusal leaves its row too.
Inside a transaction Bundle entries leave none: the Bundle leaves one for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from fhir_server.interactions.call import Call, Result
from fhir_server.model.compartments import ALL_TYPES
from fhir_server.store.base import AuditRow, Version


def target(call: Call) -> str:
    """Return what the call is about as a path without its query: `Patient/1/_history/2`, `Patient/1/*`, or ``."""
    if call.compartment is not None:
        return f"{'/'.join(call.compartment)}/{call.type or ALL_TYPES}"
    if call.id is None:
        return call.type or ""
    return f"{call.type}/{call.id}/_history/{call.version}" if call.version else f"{call.type}/{call.id}"


def row(
    call: Call,
    action: str,
    status: int,
    *,
    time: int,
    patients: Sequence[str] = (),
    written: Version | None = None,
    details: Mapping[str, Any] | None = None,
) -> AuditRow:
    """Return the row for `action` that ended with HTTP `status` at `time` (microseconds since 1970).

    `written` is the version a write made or found: the row names it, because the call cannot know it.
    """
    principal = call.principal
    return AuditRow(
        time=time,
        actor=principal.actor,
        action=action,
        target=target(call) if written is None else f"{written.key.type}/{written.key.id}/_history/{written.number}",
        status=status,
        request=call.request_id,
        patients=tuple(dict.fromkeys(patients)) if len(patients) > 1 else tuple(patients),
        details=details or {},
        address=call.address,
        client=principal.client or "",
        grant=principal.grant or "",
        purpose=principal.purpose,
    )


def patients_of(version: Version) -> tuple[str, ...]:
    """Return the ids of the patients whose data the version is."""
    if version.key.type == "Patient":
        return (version.key.id,)
    return version.patients


def patients_of_all(versions: Sequence[Version]) -> tuple[str, ...]:
    """Return the ids of the patients whose data any of the versions is, each once, in order."""
    # Most of a page is about one patient.
    groups = dict.fromkeys([(each.key.id,) if each.key.type == "Patient" else each.patients for each in versions])
    return tuple(dict.fromkeys(chain.from_iterable(groups)))


async def seen(call: Call, action: str, result: Result, details: Mapping[str, Any] | None = None) -> Result:
    """Leave the row of a read, unless a transaction Bundle leaves it, and return `result`."""
    if call.transaction is None:
        services = call.services
        told = row(call, action, result.status, time=services.now(), patients=result.patients, details=details)
        await services.store.audit(told, wait=services.audit_waits)
    return result


def searched(call: Call, applied: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the details of a search by `applied`: names alone, because values may be personal data, unless wanted."""
    details: dict[str, Any] = {"parameters": list(dict.fromkeys(name for name, _ in applied))}
    return details | {"query": urlencode(applied)} if call.services.audit_values else details


async def refused(call: Call, action: str, status: int) -> None:
    """Leave the row of a request that was answered with a refusal (`status` 4xx or 5xx)."""
    services = call.services
    await services.store.audit(row(call, action, status, time=services.now()), wait=services.audit_waits)
