"""Any exception as an OperationOutcome with its status: the only place that does this.

What is not a known refusal is a fault of the server: 500, with the request id to find it in the log. The log gets the
exception's class and the places in our code, never its text, which may quote a patient's data.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

from fhir_server import errors
from fhir_server.errors import Refusal
from fhir_server.store.base import CursorExpired, RecordConflict, VersionConflict
from profiles.issues import Issue

log = logging.getLogger("fhir_server.http")

STATUS: Mapping[type[Exception], int] = {
    errors.BadRequest: 400,
    errors.ParseFailed: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.NotAcceptable: 406,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.PreconditionFailed: 412,
    errors.PayloadTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Misdirected: 421,
    errors.Unprocessable: 422,
    errors.TooCostly: 422,
    errors.TooManyRequests: 429,
    errors.NotSupported: 501,
    errors.StoreUnavailable: 503,
    errors.StoreHeld: 503,
    errors.StoreFull: 507,
}

_EXPIRED = errors.Gone(
    "This page link is older than this server keeps page walks. Repeat the search or history from its first page.",
    code="expired",
)
_CHANGED = errors.Conflict("Someone else changed the same resource at the same time. Read it again and repeat.")
_TIMEOUT = errors.StoreUnavailable(
    "The request took longer than this server allows, and it is unknown whether a write was kept. Ask for less at "
    "once, or look before you repeat it.",
    code="timeout",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to answer: the status, the findings and headers beside them."""

    status: int
    issues: tuple[Issue, ...]
    headers: Mapping[str, str] = field(default_factory=dict)


def outcome(error: Exception, request_id: str) -> Outcome:
    """Return the answer to a request that ended with `error`, and log it when it is the server's own fault."""
    known = _refusal(error)
    if known is None:
        _log("fault", error, error, request_id)
        message = (
            f"The server failed. Nothing can be done about it from outside; tell its operator request {request_id}."
        )
        return Outcome(500, (Issue("fatal", "exception", message),))
    status = status_of(type(known))
    if status == 503 and known.__cause__ is not None:
        _log("unavailable", known.__cause__, error, request_id)
    return Outcome(status, known.issues, _headers(known, status))


def _headers(known: Refusal, status: int) -> Mapping[str, str]:
    if isinstance(known, errors.Unauthorized):
        return {"www-authenticate": known.challenge}
    return {"retry-after": "1"} if status == 503 else {}


def _log(event: str, cause: BaseException, error: Exception, request_id: str) -> None:
    log.error(event, extra={"request_id": request_id, "error": type(cause).__name__, "at": _places(error)})


def status_of(refusal: type[Exception]) -> int:
    """Return the status of a class of refusals: its own row of the table, or that of its nearest ancestor."""
    return next((STATUS[each] for each in refusal.__mro__ if each in STATUS), 500)


def status_for(error: Exception) -> int:
    """Return the status that a request is answered with that ended with `error`."""
    known = _refusal(error)
    return 500 if known is None else status_of(type(known))


def _refusal(error: Exception) -> Refusal | None:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, CursorExpired):
        return _EXPIRED
    if isinstance(error, VersionConflict | RecordConflict):
        return _CHANGED
    if isinstance(error, TimeoutError):
        return _TIMEOUT
    return None


def _places(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames))
