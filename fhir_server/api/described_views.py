"""`/api/v1/…` of the views that files describe, each under its path."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from fhir_server.api.acting import ActingHere, BodyHere, IfMatch, answered, listed, listing_of, named
from fhir_server.api.documented import changed, filters, many, new, one
from fhir_server.api.errors import SENT, refused
from fhir_server.views.described import change, create, etag, remove
from fhir_server.views.find import find
from fhir_server.views.listing import showing
from mappings.views.describe import Described
from mappings.views.view import Parts


def described_routes(described: Described) -> APIRouter:
    """Return the routes of one view."""
    view, path = described.view, f"/{described.path}"
    router = APIRouter(prefix="/api/v1", tags=[described.path.replace("_", " ")], responses=refused(401, 403, 503))

    there, written = one(view, tagged=True), refused(404, 409, 412)
    made = one(view, 201, tagged=True) | refused(*SENT, 409)

    def shown(parts: Parts, status: int = 200) -> Response:
        return answered(view, parts, status, {"ETag": etag(described, parts)})

    @router.get(path, summary="Records", responses=many(view) | refused(400, 410, 422), openapi_extra=filters(view))
    async def index(request: Request) -> Response:
        acting, wanted = await listing_of(request)
        return listed(request, wanted, await showing(acting, view, wanted))

    @router.post(path, status_code=201, summary="Make one", responses=made, openapi_extra=new(view))
    async def make(acting: ActingHere, asked: BodyHere) -> Response:
        return shown(await create(acting, described, named(asked, view.name)), 201)

    @router.get(f"{path}/{{id}}", summary="A record", responses=there | refused(404))
    async def read(id: str, acting: ActingHere) -> Response:
        return shown(await find(acting, view, id))

    @router.put(
        f"{path}/{{id}}", summary="Change one", responses=there | written | refused(*SENT), openapi_extra=changed(view)
    )
    async def update(id: str, acting: ActingHere, asked: BodyHere, if_match: IfMatch = None) -> Response:
        return shown(await change(acting, described, id, named(asked, view.name), if_match))

    gone = described.gone
    if gone is not None:

        @router.delete(f"{path}/{{id}}", status_code=204, summary="Take one out of the view", responses=written)
        async def delete(id: str, acting: ActingHere, if_match: IfMatch = None) -> None:
            await remove(acting, described, id, gone, if_match)

    return router
