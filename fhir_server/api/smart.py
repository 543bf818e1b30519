"""`/auth`: the endpoints of OAuth 2.0 and OpenID Connect that apps talk to, and what they read before."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from auth.ports import Asker
from auth.smart.discovery import openid_configuration, smart_configuration
from auth.smart.errors import InvalidClient, Refusal
from auth.smart.fhir_user import fhir_user
from auth.smart.smart import Smart
from auth.smart.style import STYLE, STYLE_PATH
from fhir_server.accounts.desk import Desk
from fhir_server.api.callers import AskerHere, DeskHere, admitted_of

T = TypeVar("T")
FORM = "application/x-www-form-urlencoded"
FIELDS = 50
LONGEST = 65_536
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
ANYBODY = {"Access-Control-Allow-Origin": "*"}
"""Discovery is for every page."""


async def smart_of(desk: DeskHere) -> Smart:
    """Return the tenant's authorization server."""
    return desk.smart


SmartHere = Annotated[Smart, Depends(smart_of)]


async def form_of(request: Request) -> list[tuple[str, str]]:
    """Return the pairs of a form. Raises Refusal for a body that is none."""
    type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    try:
        if type == FORM and len(body) <= LONGEST:
            return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        pass
    raise Refusal("invalid_request", f"The body must be a form ({FORM}) of at most {FIELDS} fields.")


async def said_of(request: Request) -> dict[str, str]:
    """Return a form in which each name comes once. Raises Refusal."""
    pairs = await form_of(request)
    said = dict(pairs)
    if len(said) != len(pairs):
        raise Refusal("invalid_request", "A parameter comes more than once.")
    return {name: value for name, value in said.items() if value}


Said = Annotated[dict[str, str], Depends(said_of)]


def smart_routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/auth", tags=["smart"])

    @router.post("/token", summary="Get an access token")
    async def token(said: Said, request: Request, desk: DeskHere, asker: AskerHere) -> JSONResponse:
        asked = desk.smart.token.exchange(said, request.headers.get("authorization"), asker)
        return JSONResponse(await _counted(desk, asker, asked), headers=NO_STORE)

    @router.post("/introspect", summary="Ask what a token is worth")
    async def introspect(said: Said, request: Request, desk: DeskHere, asker: AskerHere) -> JSONResponse:
        client = await _counted(desk, asker, _who_asks(said, request, desk))
        return JSONResponse(await desk.smart.introspection.introspect(said.get("token", ""), client), headers=NO_STORE)

    @router.post("/revoke", summary="Give a token back")
    async def revoke(said: Said, request: Request, desk: DeskHere, asker: AskerHere) -> Response:
        known = desk.smart.authentication.authenticate(said, request.headers.get("authorization"))
        client = await _counted(desk, asker, known)
        await desk.smart.revocation.revoke(said.get("token", ""), client, asker)
        return Response(headers=NO_STORE)

    @router.get("/userinfo", summary="Ask who has signed in")
    @router.post("/userinfo", summary="Ask who has signed in")
    async def userinfo(request: Request, desk: DeskHere, smart: SmartHere) -> JSONResponse:
        admitted = await admitted_of(request, desk)
        account, scopes = admitted.account, admitted.grant.scopes
        if account is None or "openid" not in scopes:
            raise Refusal("insufficient_scope", "The token was not granted openid.")
        user = fhir_user(smart.endpoints.issuer, account)
        more = {name: user for name in ("fhirUser", "profile") if name in scopes}
        return JSONResponse({"sub": account.id, **more}, headers=NO_STORE)

    @router.get("/jwks", summary="The public keys that verify this server's tokens")
    async def jwks(desk: DeskHere) -> JSONResponse:
        await desk.auth.keys.signing()
        return JSONResponse(desk.auth.keys.jwks(), headers={**ANYBODY, "Cache-Control": "public, max-age=300"})

    @router.get(f"/{STYLE_PATH}", summary="How this server looks, for apps that are opened within it")
    async def style() -> JSONResponse:
        return JSONResponse(dict(STYLE), headers={**ANYBODY, "Cache-Control": "public, max-age=31536000, immutable"})

    return router


def discovery_routes() -> APIRouter:
    """Return what stands below `/fhir/.well-known`."""
    router = APIRouter(prefix="/fhir/.well-known", tags=["smart"])

    @router.get("/smart-configuration", summary="What a SMART app reads first")
    async def smart_first(smart: SmartHere) -> JSONResponse:
        return JSONResponse(smart_configuration(smart.endpoints), headers=ANYBODY)

    @router.get("/openid-configuration", summary="What an OpenID Connect client reads first")
    async def openid_first(smart: SmartHere) -> JSONResponse:
        return JSONResponse(openid_configuration(smart.endpoints), headers=ANYBODY)

    return router


async def answer_refusal(request: Request, error: Exception) -> JSONResponse:
    """Answer a refusal of OAuth (RFC 6749, 5.2)."""
    assert isinstance(error, Refusal)
    status, challenge = 400, ""
    if isinstance(error, InvalidClient):
        status, challenge = 401, 'Basic realm="token"' if error.basic else ""
    elif error.code == "insufficient_scope":
        status, challenge = 403, 'Bearer error="insufficient_scope", scope="openid"'
    said = {"error": error.code, "error_description": error.description}
    more = {"WWW-Authenticate": challenge} if challenge else {}
    return JSONResponse(said, status, headers={**NO_STORE, **more})


async def _counted(desk: Desk, asker: Asker, work: Awaitable[T]) -> T:
    """Do the work, unless too many clients have failed to prove who they are from that address. Raises TooMany."""
    throttle = desk.auth.throttle
    address = throttle.digest(asker.address)
    await throttle.demand("client-failure", address)
    try:
        return await work
    except InvalidClient:
        await throttle.count("client-failure", address)
        raise


async def _who_asks(said: Mapping[str, str], request: Request, desk: Desk) -> str | None:
    """Return the client that asks about a token; None for an administrator, who shows a token of their own."""
    authorization = request.headers.get("authorization")
    if authorization is None or not authorization.lower().startswith("bearer "):
        return (await desk.smart.authentication.authenticate(said, authorization)).id
    admitted = await admitted_of(request, desk)
    account = admitted.account
    if account is not None and account.role == "admin" and admitted.grant.kind == "session":
        return None
    return admitted.grant.client
