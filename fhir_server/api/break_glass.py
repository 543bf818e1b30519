"""`/api/v1/auth/break-glass`: a professional opens one patient's record in an emergency."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from fhir_server.accounts.break_glass import LONGEST, Emergency, break_glass
from fhir_server.api.callers import AskerHere, DeskHere, ReaderHere
from fhir_server.api.errors import REFUSALS
from fhir_server.api.shapes import Asked, Data


class Glass(Asked):
    """Whose record is to be opened and why; `password` and `code` prove once more who asks; an account
    that signs in elsewhere only has none, and has to have done that within five minutes.
    """

    patient: str
    reason: str
    password: str = ""
    code: str | None = None
    seconds: int = LONGEST


class Opened(BaseModel):
    """An access token for one patient's record, with purpose BTG."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int
    patient: str
    purpose: str


def break_glass_routes() -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1/auth", tags=["auth"], responses=REFUSALS)

    @router.post("/break-glass", status_code=201, summary="Open one patient's record in an emergency")
    async def open_record(asked: Glass, caller: ReaderHere, desk: DeskHere, asker: AskerHere) -> Data[Opened]:
        wanted = Emergency(asked.patient, asked.reason, asked.password, asked.code, asked.seconds)
        broken = await break_glass(desk, caller.account, caller.grant, wanted, asker)
        grant = broken.grant
        made = Opened(
            access_token=broken.access,
            expires_in=broken.seconds,
            patient=str(grant.patient),
            purpose=str(grant.purpose),
        )
        return Data(data=made)

    return router
