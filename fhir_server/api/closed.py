"""What is not there in open mode: without accounts there is nobody to sign in, and nobody whose records views show."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
PATHS = ("/api/v1", "/admin", "/auth", "/fhir/.well-known", "/socket")
WHY = "This server is open and has no accounts, and therefore nothing below {}: start it with --auth required."


def closed() -> APIRouter:
    """Return the routes that say so, in the shape of every refusal there."""
    router = APIRouter()
    for path in PATHS:
        _close(router, path)
    return router


def _close(router: APIRouter, path: str) -> None:
    @router.api_route(path + "/{rest:path}", methods=METHODS, include_in_schema=False)
    async def tell(rest: str) -> JSONResponse:
        return JSONResponse({"error": {"message": WHY.format(path)}}, 404)
