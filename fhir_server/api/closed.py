"""`/api/v1` of a server in open mode: there are no accounts, and nobody whose records the views would show."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

METHODS = ["GET", "POST", "PUT", "DELETE"]
WHY = "This server is open and has no accounts, so the JSON API is not here: start it with --auth required."


def closed() -> APIRouter:
    """Return the route that says so, in the shape of every refusal there."""
    router = APIRouter()

    @router.api_route("/api/v1/{rest:path}", methods=METHODS, include_in_schema=False)
    async def tell(rest: str) -> JSONResponse:
        return JSONResponse({"error": {"message": WHY}}, 404)

    return router
