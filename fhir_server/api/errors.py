"""Refusals as the JSON API answers them: `{"error": {"message": …}}`, with 422 also the `fields` and their reasons."""

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
    return _answer(error.status, str(error), headers, more)


async def _refusal(request: Request, error: Exception) -> JSONResponse:
    told = outcome(error, str(request.scope.get(REQUEST_ID, "")))
    return _answer(told.status, " ".join(issue.message for issue in told.issues), told.headers)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields: dict[str, list[str]] = {}
    for each in error.errors():
        # The name is that of the element alone: `user.email` is `email`.
        names = [str(part) for part in each["loc"] if part not in PLACES]
        fields.setdefault(names[-1] if names else "body", []).append(each["msg"])
    return _answer(422, "Some fields cannot be taken.", {}, {"fields": fields})


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _answer(error.status_code, str(error.detail), error.headers or {})


def _answer(
    status: int, message: str, headers: Mapping[str, str], more: Mapping[str, Any] | None = None
) -> JSONResponse:
    return JSONResponse({"error": {"message": message, **(more or {})}}, status, dict(headers))
