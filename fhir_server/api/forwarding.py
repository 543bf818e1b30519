"""The ids of a platform that has moved here lead on: 308 to the same path with the ids of now, or the 404 it would be.

http://www.rfc-editor.org/rfc/rfc9110#name-308-permanent-redirect: the method and the body stay.
"""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from auth.errors import AuthError
from fhir_server.api.acting import acting_of
from fhir_server.api.errors import refusal_answer
from fhir_server.errors import Refusal
from fhir_server.views.forwarding import forwarded

BASE = "/api/v1/"


async def forward(request: Request, error: Exception) -> Response:
    """Answer what was not found: where it is now, when it was asked for by a former id and is within reach."""
    location = await _location(request)
    if location is None:
        return await refusal_answer(request, error)
    # What is within reach of one is not of another: nobody keeps the answer for somebody else.
    headers = {"Location": location, "Cache-Control": "private, no-store"}
    return JSONResponse({"data": {"location": location}}, 308, headers)


async def _location(request: Request) -> str | None:
    template = getattr(request.scope.get("route"), "path", "")
    if not template.startswith(BASE) or not request.path_params:
        return None
    words = template.removeprefix(BASE).split("/")
    path = [
        (words[at - 1], str(request.path_params[word.strip("{}")]))
        for at, word in enumerate(words)
        if word.startswith("{") and at
    ]
    try:
        acting = await acting_of(request)
        ids = await forwarded(acting, path) if path else None
    except (AuthError, Refusal):
        return None
    if ids is None:
        return None
    following = iter(ids)
    found = "/".join(quote(next(following), safe="") if word.startswith("{") else word for word in words)
    return f"{BASE}{found}" + (f"?{request.url.query}" if request.url.query else "")
