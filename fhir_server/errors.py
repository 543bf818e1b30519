"""Every refusal the server knows.

    Refusal
      BadRequest              400  the request cannot be understood
        ParseFailed           400  the body is not well-formed
      Unauthorized            401  nobody we know
      Forbidden               403
      NotFound                404
      MethodNotAllowed        405
      NotAcceptable           406
      Conflict                409  the request contradicts the state of the store
      Gone                    410  deleted, or a page cursor past its lifetime
      PreconditionFailed      412  If-Match, If-None-Match, or several matches of a conditional request
      PayloadTooLarge         413
      UnsupportedMediaType    415
      Misdirected             421  a Host that is not this server
      Unprocessable           422  understood, but it breaks a rule of FHIR or of this server
      TooCostly               422  a search over its budget
      TooManyRequests         429
      NotSupported            501
      StoreUnavailable        503
        StoreHeld             503  another process writes it
      StoreFull               507

Findings are values (`profiles.issues.Issue`), refusals are exceptions. `http/outcome.py` turns them into
OperationOutcomes; a test demands that each class has its status there.
"""

from __future__ import annotations

from collections.abc import Sequence

from profiles.issues import Issue


class Refusal(Exception):
    """A request that is answered with an OperationOutcome and changes nothing."""

    status = 500
    code = "exception"

    def __init__(self, message: str, *, expression: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.issues: tuple[Issue, ...] = (Issue("error", code or self.code, message, expression),)

    @classmethod
    def of(cls, issues: Sequence[Issue]) -> Refusal:
        """Return a refusal that carries `issues` (at least one)."""
        refusal = cls(issues[0].message)
        refusal.issues = tuple(issues)
        return refusal


class BadRequest(Refusal):
    """The request cannot be understood."""

    status = 400
    code = "invalid"


class ParseFailed(BadRequest):
    """The body is not well-formed JSON or XML."""

    code = "structure"


class Unauthorized(Refusal):
    """No token, or one that does not count. `challenge` says what is asked for (RFC 6750, 3)."""

    status = 401
    code = "login"

    def __init__(self, message: str, *, challenge: str = "Bearer") -> None:
        super().__init__(message)
        self.challenge = challenge


class Forbidden(Refusal):
    """The request is understood, and this caller may not make it."""

    status = 403
    code = "forbidden"


class NotFound(Refusal):
    """No such resource, version or route."""

    status = 404
    code = "not-found"


class MethodNotAllowed(Refusal):
    """The route exists, the method does not."""

    status = 405
    code = "not-supported"


class NotAcceptable(Refusal):
    """No representation satisfies Accept or _format."""

    status = 406
    code = "not-supported"


class Conflict(Refusal):
    """The request contradicts the state of the store."""

    status = 409
    code = "conflict"


class Gone(Refusal):
    """The resource was deleted, or a page cursor has passed its lifetime."""

    status = 410
    code = "deleted"


class PreconditionFailed(Refusal):
    """If-Match or If-None-Match does not hold, or a conditional request has several matches."""

    status = 412
    code = "conflict"


class PayloadTooLarge(Refusal):
    """The body exceeds its limit."""

    status = 413
    code = "too-long"


class UnsupportedMediaType(Refusal):
    """Content-Type is missing or not one the interaction reads."""

    status = 415
    code = "not-supported"


class Misdirected(Refusal):
    """The Host header names another server than this one."""

    status = 421
    code = "security"


class Unprocessable(Refusal):
    """The content breaks a rule of FHIR or of this server."""

    status = 422
    code = "processing"


class TooCostly(Refusal):
    """A search over its budget."""

    status = 422
    code = "too-costly"


class TooManyRequests(Refusal):
    """Asked too often."""

    status = 429
    code = "throttled"


class NotSupported(Refusal):
    """Legal FHIR that this release does not do."""

    status = 501
    code = "not-supported"


class StoreUnavailable(Refusal):
    """The store cannot be reached or is locked by another process."""

    status = 503
    code = "lock-error"


class StoreHeld(StoreUnavailable):
    """Another process writes the store, and may be asked."""


class StoreFull(Refusal):
    """The disk is full; nothing of the request was kept."""

    status = 507
    code = "no-store"
