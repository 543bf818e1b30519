"""`/api/v1/socket`: tickets for sockets; and what hears who comes to a socket by plain HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from auth import tickets
from fhir_server.api.callers import CallerHere, DeskHere, token_of
from fhir_server.api.errors import REFUSALS
from fhir_server.api.shapes import Data
from fhir_server.live.endpoint import PATH, SUBSCRIPTIONS

SECOND = 1_000_000
PLAIN = "This address takes WebSockets. A proxy on the way must pass on the headers Upgrade and Connection."


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


def plain_routes() -> APIRouter:
    """Return the routes for who comes to a socket without asking for one (RFC 9110, 15.5.22)."""
    router = APIRouter()

    @router.get(PATH, include_in_schema=False)
    @router.get(SUBSCRIPTIONS, include_in_schema=False)
    async def plain() -> JSONResponse:
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
        return JSONResponse({"error": {"message": PLAIN}}, 426, upgrade)

    return router
