"""`/api/v1/appointments/{id}/ice`: the servers that a participant's browser finds the other one by."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from fhir_server.api.acting import ActingHere
from fhir_server.api.errors import refused
from fhir_server.api.shapes import Data
from fhir_server.live.relaying import Relaying


class IceServer(BaseModel):
    """An `RTCIceServer`: STUN servers, or TURN servers with the credential for them."""

    urls: list[str]
    username: str | None = Field(None, description="With TURN only: when it ends, and who uses it.")
    credential: str | None = None


class IceServers(BaseModel):
    """What `new RTCPeerConnection({iceServers})` takes; credentials let in for `expires_in` seconds."""

    ice_servers: list[IceServer]
    expires_in: int


def call_routes(relaying: Relaying) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1", tags=["appointments"], responses=refused(401, 403, 404, 503))

    @router.get(
        "/appointments/{id}/ice",
        summary="ICE servers for the call, while the room is open",
        response_model_exclude_none=True,
    )
    async def ice(id: str, acting: ActingHere, response: Response) -> Data[IceServers]:
        response.headers["cache-control"] = "no-store"
        found = await relaying.servers(acting.call("Appointment", id=id))
        servers = [IceServer(**each) for each in found]
        return Data(data=IceServers(ice_servers=servers, expires_in=relaying.relays.lasts))

    return router
