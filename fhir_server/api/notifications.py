"""`/api/v1/notifications`: what the platform has told the user."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from fhir_server.api.acting import ActingHere, answered, data, listed, listing_of
from fhir_server.api.documented import data as below_data
from fhir_server.api.documented import filters, json, many, one
from fhir_server.api.errors import Described, refused
from fhir_server.views import notifications
from mappings.views.notification import VIEW

COUNT = {"type": "object", "properties": {"read": {"type": "integer"}}, "required": ["read"]}
MARKED: Described = {
    200: {"description": "How many were not read before.", "content": json(below_data(COUNT))},
    **refused(409),
}


def notification_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"], responses=refused(401, 403, 503))

    @router.get(
        "",
        summary="One's own notifications",
        responses=many(VIEW, "unread") | refused(400, 410, 422),
        openapi_extra=filters(VIEW, without=("user",)),
    )
    async def index(request: Request) -> Response:
        acting, wanted = await listing_of(request)
        found, unread = await notifications.mine(acting, wanted)
        return listed(request, wanted, found, {"unread": unread})

    @router.put("/read_all", summary="Mark all as read", responses=MARKED)
    async def read_all(acting: ActingHere) -> Response:
        return data({"read": await notifications.read_all(acting)})

    @router.get("/{id}", summary="A notification", responses=one(VIEW) | refused(404))
    async def read_one(id: str, acting: ActingHere) -> Response:
        return answered(VIEW, await notifications.one(acting, id))

    @router.put("/{id}/read", summary="Mark one as read", responses=one(VIEW) | refused(404, 409))
    async def mark(id: str, acting: ActingHere) -> Response:
        return answered(VIEW, await notifications.read(acting, id))

    return router
