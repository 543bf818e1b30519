"""`/admin`: accounts and signing keys, for administrators."""

from __future__ import annotations

from fastapi import APIRouter

from auth.accounts import Role, Status
from auth.keys import SigningKey
from fhir_server.accounts import manage
from fhir_server.accounts.emergencies import emergencies, review
from fhir_server.accounts.register import Wanted
from fhir_server.api.callers import AdminHere, AskerHere, DeskHere
from fhir_server.api.errors import REFUSALS
from fhir_server.api.shapes import Asked, Data, Emergency, Key, User, emergency, key, user


class NewAccount(Asked):
    """An account that an administrator opens."""

    email: str
    password: str
    role: Role
    locale: str = "fr"
    rpps: str | None = None


class Confirmation(Asked):
    """What confirms a doctor: the number in the national register, unless the one given at registration is right."""

    rpps: str | None = None


def admin_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/admin", tags=["admin"], responses=REFUSALS)

    @router.get("/users", summary="The accounts")
    async def users(
        admin: AdminHere, desk: DeskHere, role: Role | None = None, status: Status | None = None
    ) -> Data[list[User]]:
        return Data(data=[user(each) for each in await manage.listed(desk, role=role, status=status)])

    @router.post("/users", status_code=201, summary="Open an account")
    async def add(asked: NewAccount, admin: AdminHere, desk: DeskHere, asker: AskerHere) -> Data[User]:
        wanted = Wanted(asked.email, asked.password, asked.role, asked.locale, asked.rpps)
        return Data(data=user(await manage.add(desk, wanted, admin.account.actor, asker)))

    @router.get("/users/{id}", summary="An account")
    async def show(id: str, admin: AdminHere, desk: DeskHere) -> Data[User]:
        return Data(data=user(await manage.find(desk, id)))

    @router.post("/users/{id}/confirm", summary="Confirm a doctor")
    async def confirm(
        id: str, admin: AdminHere, desk: DeskHere, asker: AskerHere, asked: Confirmation | None = None
    ) -> Data[User]:
        account = await manage.find(desk, id)
        rpps = asked.rpps if asked else None
        return Data(data=user(await manage.confirm(desk, account, admin.account.actor, asker, rpps)))

    @router.post("/users/{id}/disable", summary="Let nobody in by an account any more")
    async def disable(id: str, admin: AdminHere, desk: DeskHere, asker: AskerHere) -> Data[User]:
        account = await manage.find(desk, id)
        return Data(data=user(await manage.disable(desk, account, admin.account.actor, asker)))

    @router.post("/users/{id}/enable", summary="Let a disabled account in again")
    async def enable(id: str, admin: AdminHere, desk: DeskHere, asker: AskerHere) -> Data[User]:
        account = await manage.find(desk, id)
        return Data(data=user(await manage.enable(desk, account, admin.account.actor, asker)))

    @router.post("/users/{id}/forget-factors", summary="Take away the second factors of somebody who has lost them")
    async def forget(id: str, admin: AdminHere, desk: DeskHere, asker: AskerHere) -> Data[User]:
        account = await manage.find(desk, id)
        return Data(data=user(await manage.forget_factors(desk, account, admin.account.actor, asker)))

    @router.get("/break-glass", summary="Who has broken the glass")
    async def broken(admin: AdminHere, desk: DeskHere, waiting: bool = False) -> Data[list[Emergency]]:
        return Data(data=[emergency(each) for each in await emergencies(desk, waiting=waiting)])

    @router.post("/break-glass/{id}/review", summary="Say that somebody has looked at it")
    async def reviewed(id: str, admin: AdminHere, desk: DeskHere, asker: AskerHere) -> Data[Emergency]:
        return Data(data=emergency(await review(desk, id, admin.account, asker)))

    @router.get("/keys", summary="The signing keys")
    async def keys(admin: AdminHere, desk: DeskHere) -> Data[list[Key]]:
        return Data(data=[_key(each) for each in desk.auth.keys.listed()])

    @router.post("/keys/rotate", status_code=201, summary="Publish a new signing key")
    async def rotate(admin: AdminHere, desk: DeskHere, asker: AskerHere) -> Data[Key]:
        return Data(data=_key(await manage.rotate(desk, admin.account.actor, asker)))

    return router


def _key(found: SigningKey) -> Key:
    return key(found.kid, found.made, found.starts, found.ends)
