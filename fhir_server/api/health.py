"""Whether the process lives (`/health`) and whether it can work (`/health/ready`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

Ready = Callable[[], Awaitable[bool]]


class Health(BaseModel):
    """The state in one word."""

    status: Literal["ok", "ready", "unavailable"]


def health(ready: Ready) -> APIRouter:
    """Return the routes; `ready` says whether the store answers."""
    router = APIRouter(tags=["health"])

    @router.get("/health", summary="The process lives")
    async def alive() -> Health:
        return Health(status="ok")

    @router.get("/health/ready", summary="The store answers", responses={503: {"model": Health}})
    async def is_ready(response: Response) -> Health:
        if await ready():
            return Health(status="ready")
        response.status_code = 503
        return Health(status="unavailable")

    return router
