"""`/auth/register`, `/auth/launch` and `/admin/clients`: apps register, are opened by others, and are administered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from auth.accounts import Account
from auth.errors import Invalid, Missing
from auth.smart import launches, registration
from auth.smart.launches import Launch
from auth.smart.registration import Registered, Unfit
from auth.smart.style import STYLE_PATH
from fhir_server.api.callers import AdminHere, AskerHere, CallerHere, DeskHere
from fhir_server.api.shapes import Asked, Data
from fhir_server.api.smart import NO_STORE, SmartHere

Said = dict[str, Any]


class Opened(Asked):
    """With what an app is opened."""

    client_id: str
    patient: str | None = None
    encounter: str | None = None
    intent: str | None = Field(None, max_length=200)
    need_patient_banner: bool = True


def registration_routes() -> APIRouter:
    """Return the route of open registration."""
    router = APIRouter(prefix="/auth", tags=["smart"])

    @router.post("/register", status_code=201, summary="Register an app")
    async def register(said: Said, desk: DeskHere, smart: SmartHere, asker: AskerHere) -> JSONResponse:
        await desk.auth.throttle.hit("client-address", desk.auth.throttle.digest(asker.address))
        done = await smart.registration.by_itself(said, asker)
        return JSONResponse(registration.answer(done), 201, NO_STORE)

    return router


def launch_routes() -> APIRouter:
    """Return the route by which a signed-in user opens an app with a patient at hand."""
    router = APIRouter(prefix="/auth", tags=["smart"])

    @router.post("/launch", status_code=201, summary="Open an app")
    async def launch(asked: Opened, caller: CallerHere, desk: DeskHere, smart: SmartHere) -> Data[dict[str, str]]:
        client = await smart.registry.client(desk.auth.store.records, asked.client_id)
        if client is None or client.disabled or not client.launch_uris:
            raise Missing("There is no app of that id that can be opened from here.")
        await _demand_context(smart, caller.account, asked)
        context = {
            "need_patient_banner": asked.need_patient_banner,
            "smart_style_url": smart.endpoints.at(STYLE_PATH),
            "intent": asked.intent,
        }
        said = {name: value for name, value in context.items() if value is not None}
        opened = Launch(client.id, caller.account.id, asked.patient, asked.encounter, said)
        handle = await desk.auth.store.write(lambda tx: launches.open_launch(tx, opened))
        return Data(data={"launch": handle, "iss": smart.endpoints.issuer, "launch_uri": client.launch_uris[0]})

    return router


def client_routes() -> APIRouter:
    """Return the routes by which administrators look after apps."""
    router = APIRouter(prefix="/admin/clients", tags=["admin"])

    @router.get("", summary="The registered apps")
    async def listed(_: AdminHere, desk: DeskHere, smart: SmartHere) -> Data[list[Said]]:
        found = smart.registry.every(desk.auth.store.records)
        return Data(data=[registration.described(client) async for client in found])

    @router.post("", status_code=201, summary="Register an app")
    async def add(said: Said, admin: AdminHere, smart: SmartHere, asker: AskerHere) -> Data[Said]:
        try:
            return Data(data=registration.answer(await smart.registration.add(said, admin.account.actor, asker)))
        except Unfit as unfit:
            raise Invalid(_fields(unfit)) from None

    @router.post("/{id}/disable", summary="Disable an app")
    async def disable(id: str, admin: AdminHere, smart: SmartHere, asker: AskerHere) -> Data[Said]:
        return await _switched(smart, id, admin, asker, disabled=True)

    @router.post("/{id}/enable", summary="Let an app in again")
    async def enable(id: str, admin: AdminHere, smart: SmartHere, asker: AskerHere) -> Data[Said]:
        return await _switched(smart, id, admin, asker, disabled=False)

    @router.post("/{id}/secret", status_code=201, summary="Give an app a new secret")
    async def secret(id: str, admin: AdminHere, smart: SmartHere, asker: AskerHere) -> Data[Said]:
        done = await smart.registration.renew_secret(id, admin.account.actor, asker)
        return Data(data=registration.answer(_there(done)))

    return router


async def _demand_context(smart: SmartHere, account: Account, asked: Opened) -> None:
    """Refuse to open an app with what its user may not see. Raises Missing."""
    people, patient, encounter = smart.people, asked.patient, asked.encounter
    if patient is not None and await people.person(account, patient) is None:
        raise Missing("There is no such patient, or not for you.")
    if encounter is not None and await people.encounter(account, encounter, patient) is None:
        raise Missing("There is no such encounter of that patient, or not for you.")


async def _switched(smart: SmartHere, id: str, admin: AdminHere, asker: AskerHere, *, disabled: bool) -> Data[Said]:
    client = await smart.registration.disable(id, admin.account.actor, asker, disabled=disabled)
    if client is None:
        raise Missing("There is no app of that id.")
    return Data(data=registration.described(client))


def _there(done: Registered | None) -> Registered:
    if done is None:
        raise Missing("There is no app of that id that has a secret.")
    return done


def _fields(unfit: Unfit) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in unfit.problems:
        found.setdefault(each.member, []).append(each.text)
    return found
