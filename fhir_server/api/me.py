"""`/api/v1/me`: the account that is signed in, and the person behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from pydantic.config import JsonDict

from auth.errors import Invalid
from fhir_server.accounts.profile import LONGEST, change_profile, forget_me, profile_of
from fhir_server.accounts.register import LOCALES
from fhir_server.api.callers import AskerHere, CallerHere, DeskHere
from fhir_server.api.errors import refused
from fhir_server.api.factors import Password
from fhir_server.api.shapes import Asked, Data, Me, Said, me
from profiles.datatypes.primitives import PATTERNS

KEPT = {
    "fr": "Votre compte est fermé dès maintenant et votre demande d'effacement est enregistrée. La loi impose de "
    "conserver le dossier médical (article 17, paragraphe 3 du RGPD) : il reste gardé, sans accès par ce compte, "
    "jusqu'à la fin de sa durée légale.",
    "en": "Your account is closed from now on, and your request for erasure is recorded. The law wants medical records "
    "kept (GDPR, article 17, paragraph 3): yours stays, without access by this account, until its legal term ends.",
}
"""What patients are told who leave."""
WRITTEN_DOWN = {
    "fr": "Votre compte est fermé dès maintenant et votre demande d'effacement est enregistrée. La loi impose de "
    "conserver les dossiers médicaux (article 17, paragraphe 3 du RGPD) : ce que vous avez écrit dans ceux des "
    "patients y reste, avec votre nom, jusqu'à la fin de leur durée légale.",
    "en": "Your account is closed from now on, and your request for erasure is recorded. The law wants medical records "
    "kept (GDPR, article 17, paragraph 3): what you have written in those of patients stays there, with your name, "
    "until their legal term ends.",
}
"""What everybody else is told."""


BOUNDS: JsonDict = {"minLength": 1, "maxLength": LONGEST}
"""What the document says of names and phone numbers; faults are found all together, when the profile is changed."""


class Changes(Asked):
    """What is to change; what is not sent stays, null takes a value away."""

    name: str | None = Field(None, json_schema_extra=BOUNDS)
    phone: str | None = Field(None, json_schema_extra=BOUNDS)
    birth_date: str | None = Field(
        None,
        description="A date such as `1985-05-14`, or a part of one.",
        json_schema_extra={"pattern": f"^(?:{PATTERNS['date']})$"},
    )
    email_notifications: bool = Field(False, description="Whether notifications come by e-mail, too.")
    locale: str = Field("fr", json_schema_extra={"enum": list(LOCALES)})


WRITTEN = refused(400, 409, 412, 413, 422)


def me_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1", tags=["me"], responses=refused(401, 403, 503))

    @router.get("/me", summary="Who is signed in")
    async def show(caller: CallerHere, desk: DeskHere) -> Data[Me]:
        return Data(data=me(caller.account, await profile_of(desk, caller.account)))

    @router.put("/me", summary="Change name, phone, birth date or language", responses=WRITTEN)
    async def change(
        asked: Changes, request: Request, caller: CallerHere, desk: DeskHere, asker: AskerHere
    ) -> Data[Me]:
        _demand_fixed(await request.json(), me(caller.account, await profile_of(desk, caller.account)))
        given = asked.model_dump(exclude_unset=True)
        account = await change_profile(desk, caller.account, given, asker)
        return Data(data=me(account, await profile_of(desk, account)))

    @router.delete("/me", summary="Close the account and ask for erasure", responses=refused(400, 413, 422, 429))
    async def leave(caller: CallerHere, desk: DeskHere, asker: AskerHere, asked: Password | None = None) -> Data[Said]:
        # Who signs in at an external provider has no password to send, and no body.
        await forget_me(desk, caller.account, caller.grant, asked.password if asked else None, asker)
        told = KEPT if caller.account.role == "patient" else WRITTEN_DOWN
        return Data(data=Said(message=told.get(caller.account.locale, told["fr"])))

    return router


def _demand_fixed(sent: Mapping[str, Any], now: Me) -> None:
    """Raise Invalid for what is to become different and cannot here, such as the address one signs in with."""
    unknown = [name[:64] for name in sent if name not in Me.model_fields]
    if unknown:
        raise Invalid({name: ["is no field of me"] for name in unknown})
    fixed = Me.model_fields.keys() - Changes.model_fields.keys()
    moved = [name for name in sorted(fixed) if name in sent and sent[name] != getattr(now, name)]
    if moved:
        raise Invalid({name: ["cannot be changed here"] for name in moved})
