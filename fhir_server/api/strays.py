"""Requests that no route takes: they hear where things are, and which methods an address takes."""

from __future__ import annotations

import re
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

NOWHERE = (
    "There is nothing at this address. FHIR is below /fhir (what it does: /fhir/metadata), the JSON API below /api/v1 "
    "(described at /docs)."
)


def answer_strays(api: FastAPI) -> None:
    """Let an API that has no other answers to refusals tell strays in the shape of every refusal beside `/fhir`."""
    api.add_exception_handler(HTTPException, _answer)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    message, headers = stray(request, error)
    return JSONResponse({"error": {"message": message}}, error.status_code, headers)


def stray(request: Request, error: HTTPException) -> tuple[str, dict[str, str]]:
    """Return what a refusal of the framework says, and its headers (RFC 9110, 15.5.5 and 15.5.6)."""
    headers = dict(error.headers or {})
    if error.status_code == 405:
        # The framework names the methods of one route; a path may have several.
        if methods := _methods(request):
            headers["Allow"] = ", ".join(sorted(methods))
        return f"{request.method} does not go with this address, which takes {headers['Allow']}.", headers
    unrouted = error.status_code == 404 and error.detail == HTTPStatus.NOT_FOUND.phrase
    return NOWHERE if unrouted else str(error.detail), headers


def _methods(request: Request) -> list[str]:
    """Return the methods that the document has for the path of a request, where one with no parameters goes first."""
    paths = request.app.openapi()["paths"]
    here = request.url.path
    found = here if here in paths else next((path for path in paths if re.fullmatch(_pattern(path), here)), None)
    return [method.upper() for method in paths[found]] if found else []


def _pattern(path: str) -> str:
    return re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))
