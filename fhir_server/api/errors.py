"""Refusals as the JSON API answers them: `{"error": {"message": …}}`, with 422 also the `fields` and their reasons.

The endpoints of OAuth answer in the words of OAuth (RFC 6749, 5.2), whatever it was that went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from auth.errors import AuthError, Invalid, SecondFactor, TooMany
from fhir_server.errors import Refusal
from fhir_server.http.middleware import REQUEST_ID
from fhir_server.http.outcome import outcome

OAUTH = frozenset(f"/auth/{name}" for name in ("token", "introspect", "revoke", "register", "userinfo"))
WORDS = {401: "invalid_token", 422: "invalid_request", 429: "temporarily_unavailable", 503: "temporarily_unavailable"}
"""What OAuth calls a status; below 500 any other is an invalid request."""
PLACES = frozenset(("body", "query", "path", "header"))


class Problem(BaseModel):
    """What is wrong."""

    message: str
    fields: dict[str, list[str]] | None = None
    methods: list[str] | None = None


class Failure(BaseModel):
    """The answer to a request that was refused."""

    error: Problem


REFUSALS: dict[int | str, dict[str, object]] = {
    401: {"model": Failure, "description": "Nobody we know."},
    422: {"model": Failure, "description": "Fields that cannot be taken."},
    429: {"model": Failure, "description": "Asked too often."},
}


def answer_errors(api: FastAPI) -> None:
    """Let the API answer refusals in its own shape."""
    api.add_exception_handler(AuthError, _auth)
    api.add_exception_handler(Refusal, _refusal)
    api.add_exception_handler(RequestValidationError, _validation)
    api.add_exception_handler(HTTPException, _http)


async def _auth(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AuthError)
    more: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(error, Invalid):
        more["fields"] = error.fields
    if isinstance(error, SecondFactor):
        more["methods"] = list(error.methods)
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.seconds)
    return _answer(request, error.status, str(error), headers, more)


async def _refusal(request: Request, error: Exception) -> JSONResponse:
    told = outcome(error, str(request.scope.get(REQUEST_ID, "")))
    return _answer(request, told.status, " ".join(issue.message for issue in told.issues), told.headers)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields: dict[str, list[str]] = {}
    for each in error.errors():
        # The name is that of the element alone: `user.email` is `email`.
        names = [str(part) for part in each["loc"] if part not in PLACES]
        fields.setdefault(names[-1] if names else "body", []).append(each["msg"])
    return fields_answer(request, fields)


def fields_answer(request: Request, fields: Mapping[str, list[str]]) -> JSONResponse:
    """Return the answer that says by name which fields cannot be taken and why."""
    return _answer(request, 422, "Some fields cannot be taken.", {}, {"fields": fields})


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _answer(request, error.status_code, str(error.detail), error.headers or {})


def _answer(
    request: Request, status: int, message: str, headers: Mapping[str, str], more: Mapping[str, Any] | None = None
) -> JSONResponse:
    if request.url.path in OAUTH:
        code = WORDS.get(status, "server_error" if status >= 500 else "invalid_request")
        if status == 422 and request.url.path.endswith("/register"):
            code = "invalid_client_metadata"
        said = {"error": code, "error_description": message}
        return JSONResponse(said, 400 if status == 422 else status, {**headers, "Pragma": "no-cache"})
    return JSONResponse({"error": {"message": message, **(more or {})}}, status, dict(headers))
