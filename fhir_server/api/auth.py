"""`/api/v1/auth`: register, sign in, refresh, sign out."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from fhir_server.accounts.break_glass import LONGEST, Emergency, break_glass
from fhir_server.accounts.register import Wanted, register
from fhir_server.api.callers import AskerHere, CallerHere, DeskHere
from fhir_server.api.errors import Failure
from fhir_server.api.shapes import Asked, Data, Refreshed, Said, Session, SignedIn, refreshed, session, signed_in

REFUSALS: dict[int | str, dict[str, object]] = {
    401: {"model": Failure, "description": "Nobody we know."},
    422: {"model": Failure, "description": "Fields that cannot be taken."},
    429: {"model": Failure, "description": "Asked too often."},
}


class NewUser(Asked):
    """Who registers."""

    model_config = ConfigDict(extra="allow")

    email: str
    password: str
    role: str = "patient"
    locale: str = "fr"
    rpps: str | None = Field(None, description="A doctor's number in the national register.")


class Registration(Asked):
    """A registration."""

    user: NewUser


class Credentials(Asked):
    """What one signs in with; `code` is the second factor where one is due."""

    email: str
    password: str
    code: str | None = None


class Refresh(Asked):
    """What a session goes on with; with `rotate` the answer has a new refresh token, and this one ends."""

    refresh_token: str
    rotate: bool = False


class Glass(Asked):
    """Whose record is to be opened and why; `password` and `code` prove once more who asks."""

    patient: str
    reason: str
    password: str
    code: str | None = None
    seconds: int = LONGEST


class Opened(BaseModel):
    """An access token for one patient's record, with purpose BTG."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int
    patient: str
    purpose: str


def auth_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/auth", tags=["auth"], responses=REFUSALS)

    @router.post("/register", status_code=201, summary="Open an account")
    async def open_account(asked: Registration, desk: DeskHere, asker: AskerHere) -> Data[SignedIn]:
        new = asked.user
        more = [name[:40] for name in new.model_extra or ()]
        wanted = Wanted(new.email, new.password, new.role, new.locale, new.rpps, more)
        return signed_in(await register(desk, wanted, asker))

    @router.post("/login", summary="Sign in")
    async def login(asked: Credentials, desk: DeskHere, asker: AskerHere) -> Data[SignedIn]:
        return signed_in(await desk.auth.sessions.login(asked.email, asked.password, asked.code, asker))

    @router.post("/refresh", summary="Get another access token", response_model_exclude_none=True)
    async def refresh(asked: Refresh, desk: DeskHere, asker: AskerHere) -> Data[Refreshed]:
        return refreshed(await desk.auth.sessions.refresh(asked.refresh_token, asker, rotate=asked.rotate))

    @router.post("/logout", summary="Sign out")
    async def logout(caller: CallerHere, desk: DeskHere, asker: AskerHere) -> Data[Said]:
        await desk.auth.sessions.logout(caller.grant, caller.account, asker)
        return Data(data=Said(message="You are signed out."))

    @router.post("/break-glass", status_code=201, summary="Open one patient's record in an emergency")
    async def open_record(asked: Glass, caller: CallerHere, desk: DeskHere, asker: AskerHere) -> Data[Opened]:
        wanted = Emergency(asked.patient, asked.reason, asked.password, asked.code, asked.seconds)
        broken = await break_glass(desk, caller.account, wanted, asker)
        grant = broken.grant
        made = Opened(
            access_token=broken.access,
            expires_in=broken.seconds,
            patient=str(grant.patient),
            purpose=str(grant.purpose),
        )
        return Data(data=made)

    @router.get("/sessions", summary="Where the account is signed in")
    async def sessions(caller: CallerHere, desk: DeskHere) -> Data[list[Session]]:
        found = await desk.auth.sessions.listed(caller.account, desk.auth.now())
        return Data(data=[session(grant, caller.grant.id) for grant in found])

    @router.delete("/sessions/{id}", status_code=204, summary="End a session")
    async def end_session(id: str, caller: CallerHere, desk: DeskHere, asker: AskerHere) -> None:
        await desk.auth.sessions.revoke(caller.account, id, asker)

    return router
