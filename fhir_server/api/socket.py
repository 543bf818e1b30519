"""`/api/v1/socket`: tickets for sockets."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from auth import tickets
from fhir_server.api.callers import CallerHere, DeskHere, token_of
from fhir_server.api.errors import REFUSALS
from fhir_server.api.shapes import Data

SECOND = 1_000_000


class Ticket(BaseModel):
    """Opens one socket, within `expires_in` seconds."""

    ticket: str
    expires_in: int


def socket_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/socket", tags=["socket"], responses=REFUSALS)

    @router.post("/ticket", status_code=201, summary="Get a ticket for one socket")
    async def ticket(request: Request, caller: CallerHere, desk: DeskHere) -> Data[Ticket]:
        ends = int(desk.auth.tokens.decode("access", token_of(request))["exp"]) * SECOND
        made = await tickets.issue(desk.auth.store, caller.account.id, caller.grant.id, ends)
        return Data(data=Ticket(ticket=made, expires_in=tickets.SECONDS))

    return router
