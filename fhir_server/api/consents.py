"""`/api/v1/consents`: what a patient has agreed to."""

from __future__ import annotations

from fastapi import APIRouter, Response

from auth.consent import LEGAL_BASIS
from fhir_server.api.acting import ActingHere, answered, data
from fhir_server.api.documented import data as below_data
from fhir_server.api.documented import every, json, one, ref
from fhir_server.api.errors import Described, refused
from fhir_server.views import consents
from mappings.views.consent import VIEW

KEPT = {
    "en": LEGAL_BASIS,
    "fr": "L'opposition est enregistrée et tout usage secondaire (recherche, démarchage) a cessé. Le dossier lui-même "
    "reste auprès de ceux qui soignent le patient : sa conservation repose sur l'article 9, paragraphe 2, point h) du "
    "RGPD et sur l'obligation de conserver le dossier médical, non sur le consentement.",
}


WRITTEN = refused(404, 409, 412)
MESSAGE = {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}
EXPLAINED: Described = {
    200: {
        "description": "What was taken back is not what care itself stands on: the message says what stays, and why.",
        "content": json(below_data(ref("Consent"), meta=MESSAGE)),
    }
}


def consent_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/consents", tags=["consents"], responses=refused(401, 403, 503))

    @router.get("", summary="One's own consents", responses=every(VIEW))
    async def index(acting: ActingHere) -> Response:
        return data(await consents.mine(acting))

    @router.post(
        "/{type}", status_code=201, summary="Agree, having read the notice", responses=one(VIEW, 201) | WRITTEN
    )
    async def grant(type: str, acting: ActingHere) -> Response:
        return answered(VIEW, await consents.grant(acting, type), 201)

    @router.delete("/{type}", summary="Take an agreement back", status_code=204, responses=EXPLAINED | WRITTEN)
    async def revoke(type: str, acting: ActingHere) -> Response:
        shown = await consents.revoke(acting, type)
        if type != "data_processing":
            return Response(status_code=204)
        return data(shown, meta={"message": KEPT.get(acting.account.locale, KEPT["fr"])})

    return router
