"""What a route is given: the desk, where the request comes from, and who is signed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from auth.accounts import Account
from auth.admission import Admitted
from auth.assurance import DUE
from auth.errors import Denied, Unauthenticated, Unsure
from auth.grants import FIRST_PARTY
from auth.ports import Asker
from fhir_server.accounts.desk import Desk
from fhir_server.errors import Unauthorized
from fhir_server.http.guard import challenge_of
from fhir_server.http.middleware import ADDRESS, REQUEST_ID
from fhir_server.interactions.call import Principal

BEARER = HTTPBearer(auto_error=False, description="The access token of `/api/v1/auth/login`.")
Signed = Annotated[object, Security(BEARER)]
"""Lets the document say that a route asks for the token; it is read where it is looked at."""


async def desk_of(request: Request) -> Desk:
    """Return the desk of the tenant."""
    found: Desk = request.app.state.desk()
    return found


async def asker_of(request: Request) -> Asker:
    """Return where the request comes from."""
    agent = request.headers.get("user-agent", "")
    return Asker(str(request.scope.get(REQUEST_ID, "")), str(request.scope.get(ADDRESS, "")), agent)


DeskHere = Annotated[Desk, Depends(desk_of)]
AskerHere = Annotated[Asker, Depends(asker_of)]


class Unadmitted(Denied):
    """Refused at the door: this is not the kind of token that opens it."""


class Caller:
    """Somebody who is signed in."""

    def __init__(self, admitted: Admitted[Principal], account: Account) -> None:
        self.grant = admitted.grant
        self.account = account
        self.principal = admitted.principal
        self.sure = admitted.sure


def token_of(request: Request) -> str:
    """Return the bearer token of a request. Raises Unauthorized when there is none."""
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("Sign in, and send the access token as Authorization: Bearer TOKEN.")
    return token.strip()


async def admitted_of(request: Request, desk: Desk) -> Admitted[Principal]:
    """Return whom the request's bearer token admits, person or app. Raises Unauthorized."""
    return await _admitted(request, desk.auth.admission.admit)


async def caller_of(request: Request, _: Signed = None) -> Caller:
    """Return who is signed in. Raises Unauthorized; Denied for the tokens of apps, which are not a person's own, and
    for those of break-glass, which open a record and no account.
    """
    return _by_session(await reader_of(request))


async def owner_of(request: Request, _: Signed = None) -> Caller:
    """Return whose account that is, who may be signed in less surely than data asks for. Raises as `caller_of` does."""
    return _by_session(await holder_of(request))


async def reader_of(request: Request, _: Signed = None) -> Caller:
    """Return who reads and writes records, by break-glass too. Raises Unauthorized, and Denied for apps."""
    return _person(await admitted_of(request, await desk_of(request)))


async def holder_of(request: Request, _: Signed = None) -> Caller:
    """Return whose token that is, to end it: that of a session, or of break-glass. Raises as `reader_of` does."""
    return _person(await _admitted(request, (await desk_of(request)).auth.admission.known))


CallerHere = Annotated[Caller, Depends(caller_of)]
OwnerHere = Annotated[Caller, Depends(owner_of)]
"""For what concerns how one signs in, and nothing of the record."""
ReaderHere = Annotated[Caller, Depends(reader_of)]
HolderHere = Annotated[Caller, Depends(holder_of)]


async def adding_of(owner: OwnerHere, desk: DeskHere) -> Caller:
    """Return who may add a way to sign in: who is signed in surely enough for data, or has no way to be surer yet.

    Raises as `owner_of` does, and Unauthorized: whoever has half of what it takes does not get the other half by it.
    """
    account, auth = owner.account, desk.auth
    by_code = account.totp is not None and account.totp.confirmed
    elsewhere = account.subject is not None and bool(auth.assurance.acr)
    if owner.sure or not (by_code or elsewhere or await auth.passkeys.listed(account)):
        return owner
    raise _unauthorized(Unsure(DUE))


AddingHere = Annotated[Caller, Depends(adding_of)]


async def _admitted(request: Request, admit: Callable[[str], Awaitable[Admitted[Principal]]]) -> Admitted[Principal]:
    try:
        return await admit(token_of(request))
    except Unauthenticated as refusal:
        raise _unauthorized(refusal) from None


def _unauthorized(refusal: Unauthenticated) -> Unauthorized:
    return Unauthorized(str(refusal), challenge=challenge_of(refusal))


def _person(admitted: Admitted[Principal]) -> Caller:
    if admitted.account is None or admitted.grant.client != FIRST_PARTY:
        raise Unadmitted("This is for people who have signed in themselves, not for apps.")
    return Caller(admitted, admitted.account)


def _by_session(caller: Caller) -> Caller:
    if caller.grant.purpose is not None:
        raise Unadmitted("This token is for one patient's record: use that of your session.")
    return caller


async def admin_of(caller: CallerHere) -> Caller:
    """Return the administrator who is signed in. Raises Denied."""
    if caller.account.role != "admin" or caller.account.status != "active":
        raise Denied("This is for administrators.")
    return caller


AdminHere = Annotated[Caller, Depends(admin_of)]
