"""The audit row of a request to the JSON API or `/admin` that was refused: who was, what for, and how.

What went well leaves the rows of the interactions that it was made of. Signing in, and what else is done with accounts,
tells of its refusals itself, with more than a status.
"""

from __future__ import annotations

from fastapi import Request

from fhir_server.api.callers import admitted_of, asker_of, desk_of
from fhir_server.errors import Refusal
from fhir_server.interactions.call import UNKNOWN
from fhir_server.store.base import AuditRow

OWN = ("/auth/", "/api/v1/auth/")
"""Paths that tell of refused sign-ins themselves."""
ME = "/api/v1/me"
"""The path that tells itself of who wished to close the account."""
UNREAD = frozenset((400, 413, 415, 422))
"""Statuses of requests that could not be read, and so touched nothing."""
ACTIONS = {"GET": "read", "HEAD": "read", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
UNAUTHORIZED, FORBIDDEN = 401, 403
GLASS = "/api/v1/auth/break-glass"


async def leave_refusal(request: Request, status: int, *, told: bool = False) -> None:
    """Leave the row of a request that is answered with `status`.

    `told` says that whoever refused it leaves rows of its own, at `ME` and below `OWN` for all but what nobody may do.
    """
    path = request.url.path
    tells = told and (path == ME or path.startswith(OWN))
    if status in UNREAD or (tells and (status != FORBIDDEN or path == GLASS)):
        return
    try:
        desk, asker = await desk_of(request), await asker_of(request)
    except Refusal:
        # The server is about to stop: there is no trail to leave anything in.
        return
    principal = UNKNOWN
    if status != UNAUTHORIZED:
        try:
            principal = (await admitted_of(request, desk)).principal
        except Refusal:
            principal = UNKNOWN
    row = AuditRow(
        time=desk.services.now(),
        actor=principal.actor,
        action="admission" if status == UNAUTHORIZED else ACTIONS.get(request.method, "operation"),
        # The route and not the path, which may hold what somebody typed.
        target=str(getattr(request.scope.get("route"), "path", "")),
        status=status,
        request=asker.request,
        address=asker.address,
        client=principal.client or "",
        grant=principal.grant or "",
        purpose=principal.purpose,
    )
    await desk.services.store.audit(row, wait=desk.services.audit_waits)
