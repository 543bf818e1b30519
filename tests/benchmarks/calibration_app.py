"""What the HTTP figures are held against: an empty FastAPI route and a bare ASGI route under the same uvicorn."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

fastapi_app = FastAPI()


@fastapi_app.get("/empty")
async def empty() -> dict[str, str]:
    """Answer with an empty object."""
    return {}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer `/bare` without a framework, all else through FastAPI."""
    if scope["type"] == "http" and scope["path"] == "/bare":
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})
        return
    await fastapi_app(scope, receive, send)
