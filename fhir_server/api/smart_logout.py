"""`/auth/logout`: an app sends its user here to sign out (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.smart.errors import Stray
from auth.smart.logout import Ask, Left
from fhir_server.api.callers import AskerHere
from fhir_server.api.smart import FIELDS, SmartHere
from fhir_server.api.smart_browser import OWN, SEE_OTHER, BrowserHere, Fields, html_page, source_of


def logout_routes() -> APIRouter:
    """Return the routes of the end_session_endpoint."""
    router = APIRouter(prefix="/auth/logout", include_in_schema=False)

    @router.get("")
    async def logout(request: Request, smart: SmartHere, here: BrowserHere, asker: AskerHere) -> Response:
        try:
            pairs = parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=FIELDS)
        except ValueError:
            raise Stray("crowded") from None
        step = await smart.logout.begin(pairs, here.known, asker)
        if isinstance(step, Ask):
            return html_page(
                smart,
                here,
                "logout",
                to=source_of(step.address) if step.address else "",
                app=step.client.name if step.client else None,
                who=step.account.email,
                asked=step.asked,
            )
        return _left(step, smart, here)

    @router.post("")
    async def logout_by_form(fields: Fields) -> Response:
        # A form from the app's page brings no cookie along (SameSite); the GET that follows does.
        return RedirectResponse(f"/auth/logout?{urlencode(fields)}", SEE_OTHER)

    @router.post("/confirm", **OWN)
    async def confirm(fields: Fields, smart: SmartHere, here: BrowserHere, asker: AskerHere) -> Response:
        return _left(await smart.logout.confirm(fields, here.known, asker), smart, here)

    return router


def _left(left: Left, smart: SmartHere, here: BrowserHere) -> Response:
    if left.address is not None:
        return RedirectResponse(left.address, SEE_OTHER)
    return html_page(smart, here, "left")
