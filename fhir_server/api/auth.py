"""`/api/v1/auth`: register, sign in, refresh, sign out."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from fhir_server.accounts.register import LOCALES, Wanted, register
from fhir_server.api.callers import AskerHere, DeskHere, HolderHere, OwnerHere
from fhir_server.api.errors import refused
from fhir_server.api.shapes import (
    Asked,
    Data,
    Refreshed,
    Said,
    Session,
    SignedIn,
    User,
    refreshed,
    session,
    signed_in,
    user,
)
from fhir_server.views.notify import tell

CONFIRM = "We have written to that address: confirm it with the code in the letter, then sign in."
SENT = "If there is an account for that address, we have written to it."


class NewUser(Asked):
    """Who registers."""

    model_config = ConfigDict(extra="allow")

    email: str
    password: str
    role: str = Field("patient", json_schema_extra={"enum": ["patient", "doctor"]})
    locale: str = Field("fr", json_schema_extra={"enum": list(LOCALES)})
    rpps: str | None = Field(None, description="A doctor's number in the national register.")


class Registration(Asked):
    """A registration."""

    user: NewUser


class Credentials(Asked):
    """What one signs in with; `code` is the second factor where one is due."""

    email: str
    password: str
    code: str | None = None


class Forgotten(Asked):
    """Whose password is forgotten."""

    email: str


class NewPassword(Asked):
    """A new password, by the code of a letter."""

    token: str
    password: str


class OtherPassword(Asked):
    """A new password instead of the old one."""

    password: str
    new_password: str


class Token(Asked):
    """The code of a letter."""

    token: str


class Refresh(Asked):
    """What a session goes on with; with `rotate` the answer has a new refresh token, and this one ends."""

    refresh_token: str
    rotate: bool = False


BODY = refused(400, 413, 422)
OWN = refused(401, 403)


def auth_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/auth", tags=["auth"], responses=refused(429, 503))

    @router.post("/register", status_code=201, summary="Open an account", responses=BODY | refused(403))
    async def open_account(asked: Registration, desk: DeskHere, asker: AskerHere) -> Data[SignedIn] | Data[Said]:
        new = asked.user
        more = [name[:40] for name in new.model_extra or ()]
        wanted = Wanted(new.email, new.password, new.role, new.locale, new.rpps, more)
        signed = await register(desk, wanted, asker)
        return Data(data=Said(message=CONFIRM)) if signed is None else signed_in(signed)

    @router.post("/login", summary="Sign in", responses=BODY | refused(401))
    async def login(asked: Credentials, desk: DeskHere, asker: AskerHere) -> Data[SignedIn]:
        return signed_in(await desk.auth.sessions.login(asked.email, asked.password, asked.code, asker))

    @router.post(
        "/refresh",
        summary="Get another access token",
        response_model_exclude_unset=True,
        responses=BODY | refused(401),
    )
    async def refresh(asked: Refresh, desk: DeskHere, asker: AskerHere) -> Data[Refreshed]:
        return refreshed(await desk.auth.sessions.refresh(asked.refresh_token, asker, rotate=asked.rotate))

    @router.post("/logout", summary="Sign out", responses=OWN)
    async def logout(caller: HolderHere, desk: DeskHere, asker: AskerHere) -> Data[Said]:
        await desk.auth.sessions.logout(caller.grant, caller.account, asker)
        return Data(data=Said(message="You are signed out."))

    _passwords(router)
    _sessions(router)
    return router


def _passwords(router: APIRouter) -> None:
    @router.post("/forgot_password", summary="Ask for a new password", responses=BODY)
    async def forgot(asked: Forgotten, desk: DeskHere, asker: AskerHere) -> Data[Said]:
        await desk.auth.recovery.forgot(asked.email, asker)
        return Data(data=Said(message=SENT))

    @router.post("/reset_password", summary="Set a new password by the code of a letter", responses=BODY)
    async def reset(asked: NewPassword, desk: DeskHere, asker: AskerHere) -> Data[Said]:
        account = await desk.auth.recovery.reset(asked.token, asked.password, asker)
        await tell(desk, account, asker, "password_reset")
        return Data(data=Said(message="The password is set, and all sessions have ended: sign in."))

    @router.post("/change_password", summary="Set another password", responses=BODY | OWN)
    async def change(asked: OtherPassword, caller: OwnerHere, desk: DeskHere, asker: AskerHere) -> Data[Said]:
        await desk.auth.recovery.change(caller.account, caller.grant, asked.password, asked.new_password, asker)
        return Data(data=Said(message="The password is set, and all other sessions have ended."))

    @router.post("/verify_email", summary="Confirm an address by the code of a letter", responses=BODY)
    async def verify(asked: Token, desk: DeskHere, asker: AskerHere) -> Data[User]:
        return Data(data=user(await desk.auth.recovery.verify(asked.token, asker)))

    @router.post("/resend_verification", summary="Send the letter that confirms the address again", responses=OWN)
    async def resend(caller: OwnerHere, desk: DeskHere) -> Data[Said]:
        await desk.auth.recovery.ask_to_verify(caller.account)
        return Data(data=Said(message="We have written to your address."))


def _sessions(router: APIRouter) -> None:
    @router.get("/sessions", summary="Where the account is signed in", responses=OWN)
    async def sessions(caller: OwnerHere, desk: DeskHere) -> Data[list[Session]]:
        found = await desk.auth.sessions.listed(caller.account, desk.auth.now())
        return Data(data=[session(grant, caller.grant.id) for grant in found])

    @router.delete("/sessions/{id}", status_code=204, summary="End a session", responses=OWN | refused(404))
    async def end_session(id: str, caller: OwnerHere, desk: DeskHere, asker: AskerHere) -> None:
        await desk.auth.sessions.revoke(caller.account, id, asker)
