"""`/api/v1/me`: the account that is signed in, and the person behind it."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from fhir_server.accounts.profile import change_profile, forget_me, profile_of
from fhir_server.api.callers import AskerHere, CallerHere, DeskHere
from fhir_server.api.errors import REFUSALS
from fhir_server.api.shapes import Asked, Data, Me, Said, me

KEPT = {
    "fr": "Votre compte est fermé dès maintenant et votre demande d'effacement est enregistrée. La loi impose de "
    "conserver le dossier médical (article 17, paragraphe 3 du RGPD) : il reste gardé, sans accès par ce compte, "
    "jusqu'à la fin de sa durée légale.",
    "en": "Your account is closed from now on, and your request for erasure is recorded. The law wants medical records "
    "kept (GDPR, article 17, paragraph 3): yours stays, without access by this account, until its legal term ends.",
}


class Changes(Asked):
    """What is to change; what is not sent stays, null takes a value away."""

    name: str | None = None
    phone: str | None = None
    birth_date: str | None = Field(None, description="A date such as `1985-05-14`, or a part of one.")
    locale: str | None = None


def me_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1", tags=["me"], responses=REFUSALS)

    @router.get("/me", summary="Who is signed in")
    async def show(caller: CallerHere, desk: DeskHere) -> Data[Me]:
        return Data(data=me(caller.account, await profile_of(desk, caller.account)))

    @router.put("/me", summary="Change name, phone, birth date or language")
    async def change(asked: Changes, caller: CallerHere, desk: DeskHere, asker: AskerHere) -> Data[Me]:
        given = asked.model_dump(exclude_unset=True)
        account = await change_profile(desk, caller.account, given, asker)
        return Data(data=me(account, await profile_of(desk, account)))

    @router.delete("/me", summary="Close the account and ask for erasure")
    async def leave(caller: CallerHere, desk: DeskHere, asker: AskerHere) -> Data[Said]:
        await forget_me(desk, caller.account, asker)
        return Data(data=Said(message=KEPT.get(caller.account.locale, KEPT["fr"])))

    return router
