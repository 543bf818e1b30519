"""`/api/v1/medical_records` and the records of one patient."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from fhir_server.api.acting import ActingHere, BodyHere, IfMatch, answered, listed, listing_of, named, unnamed
from fhir_server.api.documented import changed, filters, many, new, one
from fhir_server.api.download import ABOUT, FILE, RANGE, download
from fhir_server.api.errors import SENT, refused
from fhir_server.api.uploaded import FORM, UploadHere
from fhir_server.views import medical_records
from fhir_server.views.find import demand_there, find
from fhir_server.views.listing import showing
from mappings.transactions.record import etag
from mappings.views.medical_record import VIEW
from mappings.views.show import show
from mappings.views.view import Parts

ONE = one(VIEW, tagged=True)
LISTED = many(VIEW) | refused(400, 410, 422)
WRITTEN = refused(404, 409, 412)


def medical_record_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1", tags=["medical records"], responses=refused(401, 403, 503))

    @router.get("/medical_records", summary="Records", responses=LISTED, openapi_extra=filters(VIEW))
    async def index(request: Request) -> Response:
        acting, wanted = await listing_of(request)
        return listed(request, wanted, await showing(acting, VIEW, wanted))

    @router.get(
        "/patients/{patient_id}/medical_records",
        summary="The records of a patient",
        responses=LISTED | refused(404),
        openapi_extra=filters(VIEW, without=("patient_id",)),
    )
    async def of_patient(patient_id: str, request: Request) -> Response:
        acting, wanted = await listing_of(request)
        unnamed(wanted, "patient_id")
        await demand_there(acting, "Patient", patient_id, "patient")
        only = replace(wanted, filters={**wanted.filters, "patient_id": patient_id})
        return listed(request, wanted, await showing(acting, VIEW, only))

    @router.post(
        "/medical_records",
        status_code=201,
        summary="Write a record",
        responses=one(VIEW, 201, tagged=True) | refused(*SENT, 409),
        openapi_extra=new(VIEW),
    )
    async def create(acting: ActingHere, asked: BodyHere) -> Response:
        return _one(await medical_records.create(acting, named(asked, VIEW.name)), 201)

    @router.get("/medical_records/{id}", summary="A record", responses=ONE | refused(404))
    async def read(id: str, acting: ActingHere) -> Response:
        return _one(await find(acting, VIEW, id))

    @router.put(
        "/medical_records/{id}",
        summary="Change a record",
        responses=ONE | WRITTEN | refused(*SENT),
        openapi_extra=changed(VIEW),
    )
    async def update(id: str, acting: ActingHere, asked: BodyHere, if_match: IfMatch = None) -> Response:
        return _one(await medical_records.update(acting, id, named(asked, VIEW.name), if_match))

    @router.delete("/medical_records/{id}", status_code=204, summary="Take a record out of the view", responses=WRITTEN)
    async def remove(id: str, acting: ActingHere, if_match: IfMatch = None) -> None:
        await medical_records.remove(acting, id, if_match)

    _attachments(router)
    return router


def _attachments(router: APIRouter) -> None:
    @router.post(
        "/medical_records/{id}/attachments",
        status_code=201,
        summary="Add a file",
        responses=one(VIEW, 201, tagged=True) | WRITTEN | refused(*SENT),
        openapi_extra=FORM,
    )
    async def attach(id: str, acting: ActingHere, file: UploadHere, if_match: IfMatch = None) -> Response:
        return _one(await medical_records.attach(acting, id, [file], if_match), 201)

    @router.head(
        "/medical_records/{id}/attachments/{file_id}",
        summary="What a file is",
        response_class=Response,
        responses=ABOUT | refused(404),
    )
    @router.get(
        "/medical_records/{id}/attachments/{file_id}",
        summary="A file, or a part of it",
        response_class=StreamingResponse,
        responses=FILE | refused(404),
        openapi_extra=RANGE,
    )
    async def file(id: str, file_id: str, request: Request, acting: ActingHere) -> Response:
        return download(request, await medical_records.attachment(acting, id, file_id))


def _shown(parts: Parts) -> object:
    return show(VIEW, parts)


def _one(parts: Parts, status: int = 200) -> Response:
    return answered(VIEW, parts, status, {"ETag": etag(parts)})
