"""`/api/v1/appointments`, and when a doctor can be booked."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from fhir_server.api.acting import ActingHere, BodyHere, IfMatch, answered, listed, listing_of, named, unnamed
from fhir_server.api.documented import NULL, body, changed, filters, many, new, one
from fhir_server.api.errors import SENT, refused
from fhir_server.views import appointments
from fhir_server.views.find import find
from fhir_server.views.listing import showing
from fhir_server.views.slots import slots_of
from mappings.views import slot
from mappings.views.appointment import VIEW
from mappings.views.view import Parts

ONE = one(VIEW, tagged=True)
LISTED = refused(400, 410, 422)
WRITTEN = refused(404, 409, 412)
CANCELLATION = {
    "type": "object",
    "properties": {"cancellation_reason": {"anyOf": [dict(VIEW.field("cancellation_reason").kind.schema), NULL]}},
    "additionalProperties": False,
}


def appointment_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1", tags=["appointments"], responses=refused(401, 403, 503))

    @router.get("/appointments", summary="Appointments", responses=many(VIEW) | LISTED, openapi_extra=filters(VIEW))
    async def index(request: Request) -> Response:
        acting, wanted = await listing_of(request)
        return listed(request, wanted, await showing(acting, VIEW, wanted))

    @router.post(
        "/appointments",
        status_code=201,
        summary="Ask for one",
        responses=one(VIEW, 201, tagged=True) | refused(*SENT, 409),
        openapi_extra=new(VIEW),
    )
    async def book(acting: ActingHere, asked: BodyHere) -> Response:
        return _one(await appointments.book(acting, named(asked, VIEW.name)), 201)

    @router.get("/appointments/{id}", summary="An appointment", responses=ONE | refused(404))
    async def read(id: str, acting: ActingHere) -> Response:
        return _one(await find(acting, VIEW, id))

    @router.put(
        "/appointments/{id}",
        summary="Change an appointment",
        responses=ONE | WRITTEN | refused(*SENT),
        openapi_extra=changed(VIEW),
    )
    async def change(id: str, acting: ActingHere, asked: BodyHere, if_match: IfMatch = None) -> Response:
        return _one(await appointments.change(acting, id, named(asked, VIEW.name), if_match))

    @router.delete(
        "/appointments/{id}",
        status_code=204,
        summary="Take an appointment that is over out of the view",
        responses=WRITTEN,
    )
    async def remove(id: str, acting: ActingHere, if_match: IfMatch = None) -> None:
        await appointments.remove(acting, id, if_match)

    _steps(router)
    _slots(router)
    return router


def _steps(router: APIRouter) -> None:
    @router.post("/appointments/{id}/confirm", summary="Confirm an appointment", responses=ONE | WRITTEN)
    async def confirm(id: str, acting: ActingHere, if_match: IfMatch = None) -> Response:
        return _one(await appointments.become(acting, id, "confirmed", if_match=if_match))

    @router.post(
        "/appointments/{id}/cancel",
        summary="Cancel an appointment",
        responses=ONE | WRITTEN | refused(*SENT),
        openapi_extra=body(CANCELLATION, required=False),
    )
    async def cancel(id: str, acting: ActingHere, asked: BodyHere, if_match: IfMatch = None) -> Response:
        return _one(await appointments.become(acting, id, "cancelled", asked, if_match))

    @router.post("/appointments/{id}/complete", summary="Say that an appointment took place", responses=ONE | WRITTEN)
    async def complete(id: str, acting: ActingHere, if_match: IfMatch = None) -> Response:
        return _one(await appointments.become(acting, id, "completed", if_match=if_match))


def _slots(router: APIRouter) -> None:
    @router.get(
        "/doctors/{id}/slots",
        summary="When a doctor can be booked",
        responses=many(slot.VIEW) | LISTED | refused(404),
        openapi_extra=filters(slot.VIEW, without=("doctor_id",)),
    )
    async def slots(id: str, request: Request) -> Response:
        acting, wanted = await listing_of(request)
        unnamed(wanted, "doctor_id")
        return listed(request, wanted, await slots_of(acting, id, wanted))


def _one(parts: Parts, status: int = 200) -> Response:
    return answered(VIEW, parts, status, {"ETag": appointments.etag(parts)})
