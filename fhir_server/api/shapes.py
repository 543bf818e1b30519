"""The JSON shapes of accounts and sessions. Times are RFC 3339; everything is below `data`."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from auth.accounts import Account
from auth.grants import FIRST_PARTY, Grant
from auth.sessions import Signed
from fhir_server.accounts.emergencies import Breaking
from fhir_server.accounts.profile import Profile
from fhir_server.model.resource import instant

T = TypeVar("T")
LONGEST = 4096
"""Characters of a text in a body."""


class Data(BaseModel, Generic[T]):
    """An answer."""

    data: T


class Said(BaseModel):
    """A sentence for the user."""

    message: str


class User(BaseModel):
    """An account as its owner and administrators see it."""

    id: str
    email: str
    role: Literal["patient", "doctor", "admin"]
    status: Literal["active", "pending", "disabled"]
    confirmed_at: str | None
    inserted_at: str


class Me(User):
    """An account with the person behind it."""

    name: str | None
    phone: str | None
    birth_date: str | None
    locale: str
    email_notifications: bool
    second_factor: bool


class Emergency(BaseModel):
    """A glass that was broken: who, for which patient, why, until when, and who has looked at it since."""

    id: str
    at: str
    by: str
    patient: str
    reason: str
    until: str
    reviewer: str | None
    reviewed_at: str | None


class TokenPair(BaseModel):
    """What a session begins with."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int


class SignedIn(BaseModel):
    """A session that has begun."""

    user: User
    tokens: TokenPair


class Refreshed(BaseModel):
    """A session that goes on; `refresh_token` is there when a new one was asked for."""

    access_token: str
    user: User
    refresh_token: str | None = None
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int


class Session(BaseModel):
    """A session, or an app, that may act for the account."""

    id: str
    kind: Literal["session", "smart", "backend"]
    client: str | None
    agent: str
    current: bool
    inserted_at: str
    expires_at: str


class Key(BaseModel):
    """A signing key: since when it is published, from when it signs, until when it verifies."""

    kid: str
    inserted_at: str
    signs_from: str
    verifies_until: str | None


def _bounded(schema: dict[str, Any]) -> None:
    for each in schema.get("properties", {}).values():
        for found in (each, *each.get("anyOf", ())):
            if found.get("type") == "string" and not found.keys() & {"enum", "const", "pattern"}:
                found.setdefault("maxLength", LONGEST)


class Asked(BaseModel):
    """A body: values are of the types that are named, text is bounded, what is not known is ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, str_max_length=LONGEST, json_schema_extra=_bounded)


def user(account: Account) -> User:
    """Return an account in its shape."""
    return User(
        id=account.id,
        email=account.email,
        role=account.role,
        status=account.status,
        confirmed_at=None if account.confirmed_at is None else instant(account.confirmed_at),
        inserted_at=instant(account.inserted_at),
    )


def me(account: Account, profile: Profile) -> Me:
    """Return an account with the person behind it in its shape."""
    return Me(
        **user(account).model_dump(),
        name=profile.name,
        phone=profile.phone,
        birth_date=profile.birth_date,
        locale=account.locale,
        email_notifications=account.letters,
        second_factor=account.totp is not None and account.totp.confirmed,
    )


def signed_in(signed: Signed) -> Data[SignedIn]:
    """Return a session that has begun in its shape."""
    assert signed.refresh is not None
    tokens = TokenPair(access_token=signed.access, refresh_token=signed.refresh, expires_in=signed.seconds)
    return Data(data=SignedIn(user=user(signed.account), tokens=tokens))


def refreshed(signed: Signed) -> Data[Refreshed]:
    """Return a session that goes on in its shape."""
    renewed = {} if signed.refresh is None else {"refresh_token": signed.refresh}
    return Data(
        data=Refreshed(
            access_token=signed.access,
            user=user(signed.account),
            token_type="Bearer",
            expires_in=signed.seconds,
            **renewed,
        )
    )


def session(grant: Grant, current: str) -> Session:
    """Return a grant in its shape; `current` is the id of the caller's own."""
    return Session(
        id=grant.id,
        kind=grant.kind,
        client=None if grant.client == FIRST_PARTY else grant.client,
        agent=grant.agent,
        current=grant.id == current,
        inserted_at=instant(grant.issued),
        expires_at=instant(grant.expires),
    )


def key(kid: str, made: int, starts: int, ends: int | None) -> Key:
    """Return a signing key in its shape."""
    until = None if ends is None else instant(ends)
    return Key(kid=kid, inserted_at=instant(made), signs_from=instant(starts), verifies_until=until)


def emergency(found: Breaking) -> Emergency:
    """Return a glass that was broken as JSON has it."""
    return Emergency(
        id=found.id,
        at=instant(found.at),
        by=found.by,
        patient=f"Patient/{found.patient}",
        reason=found.reason,
        until=instant(found.until),
        reviewer=found.reviewer,
        reviewed_at=None if found.reviewed is None else instant(found.reviewed),
    )
