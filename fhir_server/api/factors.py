"""`/api/v1/auth/totp` and `/api/v1/auth/passkeys`: second factors, and signing in without a password."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from auth import passkeys
from fhir_server.accounts.prove import demand_proof
from fhir_server.api.callers import AddingHere, AskerHere, CallerHere, DeskHere, OwnerHere
from fhir_server.api.errors import REFUSALS
from fhir_server.api.shapes import Asked, Data, Said, SignedIn, signed_in
from fhir_server.model.resource import instant


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


class Challenge(BaseModel):
    """What to ask `navigator.credentials` for, and the secret to bring back with its answer."""

    options: dict[str, Any]
    session: str


class Credential(Asked):
    """The answer of `navigator.credentials`, as JSON, with the secret."""

    session: str
    credential: dict[str, Any]


class NewPasskey(Credential):
    """A passkey that the browser has made, and what its owner calls it."""

    label: str = ""


class PasskeyView(BaseModel):
    """A passkey."""

    id: str
    label: str
    inserted_at: str


class RecoveryCodes(BaseModel):
    """Codes that stand in for the authenticator, once each. They are shown this once."""

    recovery_codes: list[str]


def factor_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/auth", tags=["second factors"], responses=REFUSALS)

    @router.post("/totp", status_code=201, summary="Begin to use an authenticator")
    async def enrol(asked: Password, caller: AddingHere, desk: DeskHere, asker: AskerHere) -> Data[Enrolment]:
        begun = await desk.auth.factors.begin(caller.account, asked.password, asker)
        return Data(data=Enrolment(secret=begun.secret, uri=begun.uri))

    @router.post("/totp/confirm", summary="Prove that the authenticator works; from now on it is asked for")
    async def confirm(asked: Code, caller: AddingHere, desk: DeskHere, asker: AskerHere) -> Data[RecoveryCodes]:
        codes = await desk.auth.factors.confirm(caller.account, asked.code, asker)
        return Data(data=RecoveryCodes(recovery_codes=codes))

    @router.post("/totp/remove", summary="Use the authenticator no more")
    async def remove(asked: Password, caller: CallerHere, desk: DeskHere, asker: AskerHere) -> Data[Said]:
        await desk.auth.factors.remove(caller.account, asked.password, asker)
        return Data(data=Said(message="The authenticator is no longer asked for."))

    @router.get("/passkeys", summary="The account's passkeys")
    async def listed(caller: OwnerHere, desk: DeskHere) -> Data[list[PasskeyView]]:
        return Data(data=[_view(each) for each in await desk.auth.passkeys.listed(caller.account)])

    @router.post("/passkeys/begin", summary="Begin to add a passkey")
    async def begin_passkey(
        caller: AddingHere, desk: DeskHere, asker: AskerHere, asked: Password | None = None
    ) -> Data[Challenge]:
        # Who signs in at an external provider has no password to send, and no body.
        proof = asked.password if asked else None
        await demand_proof(desk, caller.account, caller.grant, proof, asker, to="add-passkey")
        return Data(data=_challenge(await desk.auth.passkeys.begin_registration(caller.account)))

    @router.post("/passkeys", status_code=201, summary="Add the passkey that the browser has made")
    async def add_passkey(asked: NewPasskey, caller: AddingHere, desk: DeskHere, asker: AskerHere) -> Data[PasskeyView]:
        keys = desk.auth.passkeys
        return Data(
            data=_view(await keys.register(caller.account, asked.session, asked.credential, asked.label, asker))
        )

    @router.delete("/passkeys/{id}", status_code=204, summary="Remove a passkey")
    async def remove_passkey(id: str, caller: CallerHere, desk: DeskHere, asker: AskerHere) -> None:
        await desk.auth.passkeys.remove(caller.account, id, asker)

    @router.post("/passkeys/login/begin", summary="Begin to sign in with a passkey")
    async def begin_login(desk: DeskHere, asker: AskerHere) -> Data[Challenge]:
        await desk.auth.throttle.hit("token-address", desk.auth.throttle.digest(asker.address))
        return Data(data=_challenge(await desk.auth.passkeys.begin_login()))

    @router.post("/passkeys/login", summary="Sign in with a passkey")
    async def login(asked: Credential, desk: DeskHere, asker: AskerHere) -> Data[SignedIn]:
        return signed_in(await desk.auth.passkeys.login(asked.session, asked.credential, asker))

    return router


def _challenge(asked: passkeys.Asked) -> Challenge:
    return Challenge(options=dict(asked.options), session=asked.session)


def _view(found: passkeys.Passkey) -> PasskeyView:
    return PasskeyView(id=found.id, label=found.label, inserted_at=instant(found.made))
