"""`/api/v1/auth/totp` and `/api/v1/auth/passkeys`: second factors, and signing in without a password."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from fhir_server.api.callers import AskerHere, CallerHere, DeskHere
from fhir_server.api.errors import REFUSALS
from fhir_server.api.shapes import Asked, Data, Said


class Password(Asked):
    """The password once more, so that a session left open changes nothing."""

    password: str


class Code(Asked):
    """A code of the authenticator."""

    code: str


class Enrolment(BaseModel):
    """What an authenticator app needs: the secret in base32, and the same as an address to be shown as a QR code."""

    secret: str
    uri: str


class RecoveryCodes(BaseModel):
    """Codes that stand in for the authenticator, once each. They are shown this once."""

    recovery_codes: list[str]


def factor_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/auth", tags=["second factors"], responses=REFUSALS)

    @router.post("/totp", status_code=201, summary="Begin to use an authenticator")
    async def enrol(asked: Password, caller: CallerHere, desk: DeskHere, asker: AskerHere) -> Data[Enrolment]:
        begun = await desk.auth.factors.begin(caller.account, asked.password, asker)
        return Data(data=Enrolment(secret=begun.secret, uri=begun.uri))

    @router.post("/totp/confirm", summary="Prove that the authenticator works; from now on it is asked for")
    async def confirm(asked: Code, caller: CallerHere, desk: DeskHere, asker: AskerHere) -> Data[RecoveryCodes]:
        codes = await desk.auth.factors.confirm(caller.account, asked.code, asker)
        return Data(data=RecoveryCodes(recovery_codes=codes))

    @router.post("/totp/remove", summary="Use the authenticator no more")
    async def remove(asked: Password, caller: CallerHere, desk: DeskHere, asker: AskerHere) -> Data[Said]:
        await desk.auth.factors.remove(caller.account, asked.password, asker)
        return Data(data=Said(message="The authenticator is no longer asked for."))

    return router
