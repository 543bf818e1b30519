"""`/auth/authorize`: the pages that users see when an app asks for access."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.errors import AuthError, TooMany
from auth.smart.browser import SignedIn
from auth.smart.consent import choices
from auth.smart.errors import Stray
from auth.smart.flow import Go, Show, Step
from auth.smart.smart import Smart
from fhir_server.api.callers import AskerHere, DeskHere
from fhir_server.api.smart import FIELDS, SmartHere
from fhir_server.api.smart_browser import (
    OWN,
    SEE_OTHER,
    Browser,
    BrowserHere,
    Fields,
    back_to,
    go_on,
    html_page,
    login_page,
)


def page_routes() -> APIRouter:
    """Return the routes that begin an authorization."""
    router = APIRouter(prefix="/auth", include_in_schema=False)

    @router.get("/authorize")
    async def authorize(
        request: Request, desk: DeskHere, smart: SmartHere, here: BrowserHere, asker: AskerHere
    ) -> Response:
        try:
            await desk.auth.throttle.hit("authorize-address", desk.auth.throttle.digest(asker.address))
            pairs = parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=FIELDS)
        except ValueError:
            raise Stray("crowded") from None
        except TooMany:
            raise Stray("too_many", 429) from None
        return go_on(await smart.flow.begin(pairs, here.secret), here)

    @router.post("/authorize")
    async def authorize_by_form(fields: Fields) -> Response:
        # A form from the app's page brings no cookie along (SameSite); the GET that follows does.
        return RedirectResponse(f"/auth/authorize?{urlencode(fields)}", SEE_OTHER)

    return router


def step_routes() -> APIRouter:
    """Return the routes of a request under way, in the browser that it began in."""
    router = APIRouter(prefix="/auth/authorize/{id}", include_in_schema=False)

    @router.get("")
    async def step(id: str, smart: SmartHere, here: BrowserHere, asker: AskerHere) -> Response:
        return _answer(await smart.flow.show(id, here.known, asker), smart, here)

    @router.post("/find", **OWN)
    async def find(id: str, fields: Fields, smart: SmartHere, here: BrowserHere, asker: AskerHere) -> Response:
        # A name is searched for by a form, so that it stands in no address, history or log.
        text = dict(fields).get("text", "")
        return _answer(await smart.flow.show(id, here.known, asker, text), smart, here, text=text)

    @router.post("/login", **OWN)
    async def login(
        id: str, fields: Fields, desk: DeskHere, smart: SmartHere, here: BrowserHere, asker: AskerHere
    ) -> Response:
        said = dict(fields)
        due = await smart.flow.show(id, here.known, asker)
        try:
            signed = await desk.auth.sessions.login(
                said.get("email", ""), said.get("password", ""), said.get("code") or None, asker
            )
        except AuthError as error:
            if not isinstance(due, Show):
                return _answer(due, smart, here)
            return login_page(smart, here, due, said, error)
        return go_on(await smart.flow.signed_in(id, here.known, SignedIn(signed.account, signed.grant)), here)

    @router.post("/sign-out", **OWN)
    async def sign_out(id: str, smart: SmartHere, here: BrowserHere) -> Response:
        return go_on(await smart.flow.sign_out(id, here.known), here)

    @router.post("/patient", **OWN)
    async def patient(id: str, fields: Fields, smart: SmartHere, here: BrowserHere) -> Response:
        return go_on(await smart.flow.choose(id, here.known, dict(fields).get("patient", "")), here)

    @router.post("/encounter", **OWN)
    async def encounter(id: str, fields: Fields, smart: SmartHere, here: BrowserHere) -> Response:
        return go_on(await smart.flow.choose_encounter(id, here.known, dict(fields).get("encounter", "")), here)

    @router.post("/decision", **OWN)
    async def decision(id: str, fields: Fields, smart: SmartHere, here: BrowserHere, asker: AskerHere) -> Response:
        allowed = ("decision", "allow") in fields
        ticked = [value for name, value in fields if name == "scope"] if allowed else None
        return _answer(await smart.flow.decide(id, here.known, ticked, asker), smart, here)

    return router


def _answer(step: Step, smart: Smart, here: Browser, *, text: str = "") -> Response:
    if isinstance(step, Go):
        return go_on(step, here)
    if step.page == "login":
        return login_page(smart, here, step, {}, None)
    shown: dict[str, Any] = {
        "at": f"/auth/authorize/{step.id}",
        "app": step.request.client.name,
        "account": step.account.email if step.account else "",
    }
    if step.page == "patient":
        return html_page(smart, here, "patient", to=back_to(step), people=step.people, text=text, **shown)
    shown |= {
        "person": step.person,
        "own": step.person is not None and step.account is not None and step.person.id == step.account.id,
    }
    if step.page == "encounter":
        return html_page(smart, here, "encounter", to=back_to(step), encounters=step.encounters, **shown)
    back = urlsplit(step.request.redirect_uri)
    return html_page(
        smart,
        here,
        "consent",
        to=back_to(step),
        encounter=step.encounter,
        choices=choices(step.request.scopes, here.language, smart.known),
        host=back.hostname or back.scheme,
        **shown,
    )
