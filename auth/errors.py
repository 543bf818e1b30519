"""Why somebody is not let in. The host turns these into answers; the texts may be shown to anybody.

AuthError
  Unauthenticated   401  no valid token, or a wrong e-mail address or password
    SecondFactor    401  the password was right, a second factor is due
    Unsure          401  signed in, but less surely than data asks for
  Denied            403  known, but not allowed to
  Missing           404  no such account, session or key, or not this caller's
  Conflicting       409  contradicts what there is
  Invalid           422  fields that cannot be taken, each with its reasons
  TooMany           429  asked too often
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class AuthError(Exception):
    """A refusal with its HTTP status."""

    status = 400


class Unauthenticated(AuthError):
    """Nobody we know."""

    status = 401


class SecondFactor(Unauthenticated):
    """A second factor is due; `methods` are those that the account has."""

    def __init__(self, methods: Sequence[str]) -> None:
        super().__init__("A second factor is needed: send it as code.")
        self.methods = tuple(methods)


class Unsure(Unauthenticated):
    """Signed in, but less surely than data asks for (RFC 9470)."""


class Denied(AuthError):
    """Not allowed."""

    status = 403


class Missing(AuthError):
    """Not there for this caller."""

    status = 404


class Conflicting(AuthError):
    """Contradicts what there is."""

    status = 409


class Invalid(AuthError):
    """Fields that cannot be taken."""

    status = 422

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__("Some fields cannot be taken.")
        self.fields = {name: list(reasons) for name, reasons in fields.items()}


class TooMany(AuthError):
    """Asked too often; worth trying again after `seconds`."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many attempts. Try again in {seconds} seconds.")
        self.seconds = seconds
