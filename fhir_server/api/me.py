"""`/api/v1/me`: the account that is signed in."""

from __future__ import annotations

from fastapi import APIRouter

from fhir_server.api.auth import REFUSALS
from fhir_server.api.callers import CallerHere
from fhir_server.api.shapes import Data, User, user


def me_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1", tags=["me"], responses=REFUSALS)

    @router.get("/me", summary="Who is signed in")
    async def me(caller: CallerHere) -> Data[User]:
        return Data(data=user(caller.account))

    return router
