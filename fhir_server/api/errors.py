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
from fhir_server.api.callers import Unadmitted
from fhir_server.api.leaving import leave_refusal
from fhir_server.api.strays import stray
from fhir_server.errors import BadRequest, Refusal, StoreUnavailable
from fhir_server.http.middleware import REQUEST_ID
from fhir_server.http.outcome import outcome
from fhir_server.search.parameters import Incomplete

OAUTH = frozenset(f"/auth/{name}" for name in ("token", "introspect", "revoke", "register", "userinfo"))
WORDS = {401: "invalid_token", 422: "invalid_request", 429: "temporarily_unavailable", 503: "temporarily_unavailable"}
"""What OAuth calls a status; below 500 any other is an invalid request."""
INDEXING = "What is searched by here is being indexed, as after an update of the server: try again in a moment."
PLACES = frozenset(("body", "query", "path", "header"))


class Problem(BaseModel):
    """What is wrong."""

    message: str
    fields: dict[str, list[str]] | None = None
    methods: list[str] | None = None


class Failure(BaseModel):
    """The answer to a request that was refused."""

    error: Problem


Described = dict[int | str, dict[str, Any]]
"""What OpenAPI says of answers, by their status."""
TOLD = {
    400: "Cannot be read.",
    401: "Nobody we know.",
    403: "Not yours to do.",
    404: "Not within your reach.",
    409: "Not as things stand.",
    410: "The link is older than page walks are kept.",
    412: "Changed in between.",
    413: "Larger than what is taken here.",
    416: "Beyond the end of the file.",
    422: "Fields that cannot be taken.",
    429: "Asked too often.",
    503: "The store is away, or busy for too long.",
}


def refused(*statuses: int) -> Described:
    """Return what these refusals are, in the words of OpenAPI."""
    return {status: {"model": Failure, "description": TOLD[status]} for status in statuses}


SENT = (400, 413, 422)
"""How a body can be refused."""
REFUSALS = refused(400, 401, 403, 404, 409, 413, 422, 429, 503)


def answer_errors(api: FastAPI) -> None:
    """Let the API answer refusals in its own shape."""
    api.add_exception_handler(AuthError, _auth)
    api.add_exception_handler(Refusal, refusal_answer)
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
    await leave_refusal(request, error.status, told=not isinstance(error, Unadmitted))
    return _answer(request, error.status, str(error), headers, more)


async def refusal_answer(request: Request, error: Exception) -> JSONResponse:
    """Return the answer to a request that was refused."""
    if isinstance(error, BadRequest) and any(issue.code == Incomplete.code for issue in error.issues):
        # Which search parameters a view needs is no choice of who asks for it.
        error = StoreUnavailable(INDEXING, code=Incomplete.code)
    told = outcome(error, str(request.scope.get(REQUEST_ID, "")))
    await leave_refusal(request, told.status)
    return _answer(request, told.status, " ".join(issue.message for issue in told.issues), told.headers)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields: dict[str, list[str]] = {}
    for each in error.errors():
        # The name is that of the element alone: `user.email` is `email`.
        unread = each["type"] == "json_invalid"  # Its place is a number of characters, which is no name.
        names = [] if unread else [str(part) for part in each["loc"] if part not in PLACES]
        fields.setdefault(names[-1] if names else "body", []).append(_reason(each))
    return fields_answer(request, fields)


def _reason(error: Mapping[str, Any]) -> str:
    """Return what is wrong with a field, or the body, and what to send; pydantic's own words where they do."""
    if error["type"] == "json_invalid":
        return f"is not JSON that can be read: {error['ctx']['error']}, at character {error['loc'][-1]}"
    if tuple(error["loc"]) == ("body",):
        return "must be a JSON object, sent with Content-Type: application/json"
    return "is needed" if error["type"] == "missing" else str(error["msg"])


def fields_answer(request: Request, fields: Mapping[str, list[str]]) -> JSONResponse:
    """Return the answer that says by name which fields cannot be taken and why."""
    return _answer(request, 422, "Some fields cannot be taken.", {}, {"fields": fields})


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    message, headers = stray(request, error)
    return _answer(request, error.status_code, message, headers)


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
