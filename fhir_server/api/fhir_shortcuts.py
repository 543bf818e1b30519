"""`/api/v1/fhir`: what a front end wants in FHIR's own words without asking for it piece by piece."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fhir_server.api.acting import ActingHere, BodyHere, data
from fhir_server.api.documented import VIEW_REFUSALS
from fhir_server.views.export import export
from fhir_server.views.summary import summary
from mappings.errors import Unfit
from profiles.issues import Issue


def fhir_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/fhir", tags=["fhir"], responses=VIEW_REFUSALS)

    @router.get("/patient", summary="The summary of one's own record, a searchset Bundle")
    async def own(acting: ActingHere) -> Response:
        return Response(b'{"data":' + await summary(acting) + b"}", media_type="application/json")

    @router.post("/export_mes", summary="A medical record as a document Bundle")
    async def export_record(acting: ActingHere, asked: BodyHere) -> Response:
        id = asked.get("medical_record_id")
        if not isinstance(id, str):
            raise Unfit([Issue("error", "required", "is needed, the id of a medical record", "medical_record_id")])
        return data(await export(acting, id))

    return router
