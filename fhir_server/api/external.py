"""`/api/v1/auth/external`: sign in at an external OpenID provider, and link such an identity to an account."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from auth.errors import Missing
from fhir_server.accounts import external
from fhir_server.accounts.desk import Desk, Outside
from fhir_server.accounts.prove import demand_proof
from fhir_server.api.callers import AddingHere, AskerHere, DeskHere
from fhir_server.api.errors import REFUSALS
from fhir_server.api.shapes import Asked, Data, SignedIn, User, signed_in, user


class ProviderView(BaseModel):
    """A provider one can sign in at."""

    name: str


class BegunView(BaseModel):
    """The address to send the browser to, and the secret that the front end keeps until it is back."""

    url: str
    session: str


class Back(Asked):
    """What the browser came back with, and the secret that was kept."""

    session: str
    state: str
    code: str


class Linked(Back):
    """What the browser came back with, and the password of the account, if it has one."""

    password: str | None = None


def external_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/auth/external", tags=["auth"], responses=REFUSALS)

    @router.get("", summary="Where else one can sign in")
    async def providers(desk: DeskHere) -> Data[list[ProviderView]]:
        found = [] if desk.outside is None else [ProviderView(name=desk.outside.upstream.provider.name)]
        return Data(data=found)

    @router.post("/begin", summary="Begin to sign in at the provider")
    async def begin(desk: DeskHere, asker: AskerHere) -> Data[BegunView]:
        await desk.auth.throttle.hit("token-address", desk.auth.throttle.digest(asker.address))
        begun = await _outside(desk).upstream.begin()
        return Data(data=BegunView(url=begun.url, session=begun.session))

    @router.post("/finish", summary="Sign in with what the provider has sent back")
    async def finish(asked: Back, desk: DeskHere, asker: AskerHere) -> Data[SignedIn]:
        outside = _outside(desk)
        identity = await outside.upstream.finish(asked.session, asked.state, asked.code)
        return signed_in(await external.enter(desk, identity, outside.role, asker))

    @router.post("/link", summary="Let that identity sign in to this account")
    async def link(asked: Linked, caller: AddingHere, desk: DeskHere, asker: AskerHere) -> Data[User]:
        upstream = _outside(desk).upstream
        await demand_proof(desk, caller.account, caller.grant, asked.password, asker, to="link-identity")
        identity = await upstream.finish(asked.session, asked.state, asked.code)
        return Data(data=user(await external.link(desk, caller.account, identity, asker)))

    return router


def _outside(desk: Desk) -> Outside:
    if desk.outside is None:
        raise Missing("No external provider is configured here.")
    return desk.outside
