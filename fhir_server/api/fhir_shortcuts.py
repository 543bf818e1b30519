"""`/api/v1/fhir`: what a front end wants in FHIR's own words without asking for it piece by piece."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fhir_server.api.acting import ActingHere, BodyHere, data
from fhir_server.api.documented import body, json, ref
from fhir_server.api.documented import data as below_data
from fhir_server.api.errors import SENT, Described, refused
from fhir_server.views.export import export
from fhir_server.views.summary import summary
from mappings.errors import Unfit
from mappings.views.kind import ID
from profiles.issues import Issue

BUNDLE: Described = {200: {"description": "A Bundle.", "content": json(below_data(ref("Bundle")))}}
WANTED = {
    "type": "object",
    "properties": {"medical_record_id": dict(ID.schema)},
    "required": ["medical_record_id"],
}


def fhir_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/fhir", tags=["fhir"], responses=refused(401, 403, 503))

    @router.get("/patient", summary="The summary of one's own record, a searchset Bundle", responses=BUNDLE)
    async def own(acting: ActingHere) -> Response:
        return Response(b'{"data":' + await summary(acting) + b"}", media_type="application/json")

    @router.post(
        "/export_mes",
        summary="A medical record as a document Bundle",
        responses=BUNDLE | refused(*SENT, 404, 409),
        openapi_extra=body(WANTED),
    )
    async def export_record(acting: ActingHere, asked: BodyHere) -> Response:
        id = asked.get("medical_record_id")
        if not isinstance(id, str):
            raise Unfit([Issue("error", "required", "is needed, the id of a medical record", "medical_record_id")])
        return data(await export(acting, id))

    return router
