"""`/auth/apps`: the page that shows users which apps have access, and takes it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from auth.accounts import Account
from auth.errors import AuthError
from auth.grants import Grant
from auth.scopes import parse_scopes
from auth.smart import browser
from auth.smart.browser import SignedIn
from auth.smart.consent import choices
from fhir_server.accounts.desk import Desk
from fhir_server.api.callers import AskerHere, DeskHere
from fhir_server.api.smart import SmartHere
from fhir_server.api.smart_browser import OWN, SEE_OTHER, Browser, BrowserHere, Fields, html_page, login_page

SECOND = 1_000_000


def app_routes() -> APIRouter:
    """Return the routes of the page that shows which apps have access."""
    router = APIRouter(prefix="/auth/apps", include_in_schema=False)

    @router.get("")
    async def apps(desk: DeskHere, smart: SmartHere, here: BrowserHere, done: bool = False) -> Response:
        signed = await _signed(desk, here)
        if signed is None:
            return login_page(smart, here, None, {}, None)
        shown = [await _shown(desk, here, signed.account, grant) for grant in await _granted(desk, signed.account)]
        return html_page(smart, here, "apps", at="/auth/apps", account=signed.account.email, apps=shown, done=done)

    @router.post("/login", **OWN)
    async def login(fields: Fields, desk: DeskHere, smart: SmartHere, here: BrowserHere, asker: AskerHere) -> Response:
        said = dict(fields)
        try:
            signed = await desk.auth.sessions.login(
                said.get("email", ""), said.get("password", ""), said.get("code") or None, asker
            )
        except AuthError as error:
            return login_page(smart, here, None, said, error)
        secret = await desk.auth.store.write(lambda tx: browser.remember(tx, SignedIn(signed.account, signed.grant)))
        return here.remember(RedirectResponse("/auth/apps", SEE_OTHER), secret)

    @router.post("/sign-out", **OWN)
    async def sign_out(desk: DeskHere, here: BrowserHere) -> Response:
        desk.auth.sessions.forget_all(await desk.auth.store.write(lambda tx: browser.forget(tx, here.known)))
        return RedirectResponse("/auth/apps", SEE_OTHER)

    @router.post("", **OWN)
    async def takeback_to(fields: Fields, desk: DeskHere, here: BrowserHere, asker: AskerHere) -> Response:
        signed = await _signed(desk, here)
        if signed is None:
            return RedirectResponse("/auth/apps", SEE_OTHER)
        await desk.auth.sessions.revoke(signed.account, dict(fields).get("grant", ""), asker)
        return RedirectResponse("/auth/apps?done=true", SEE_OTHER)

    return router


async def _signed(desk: Desk, here: Browser) -> SignedIn | None:
    return await browser.who(desk.auth.store.records, here.known, desk.auth.now())


async def _granted(desk: Desk, account: Account) -> Sequence[Grant]:
    return [each for each in await desk.auth.sessions.listed(account, desk.auth.now()) if each.kind == "smart"]


async def _shown(desk: Desk, here: Browser, account: Account, grant: Grant) -> dict[str, Any]:
    smart = desk.smart
    client = await smart.registry.client(desk.auth.store.records, grant.client)
    scopes, _gone = parse_scopes(" ".join(grant.scopes), smart.known)
    person = await smart.people.person(account, grant.patient) if grant.patient is not None else None
    return {
        "grant": grant.id,
        "name": client.name if client is not None else grant.client,
        "since": datetime.fromtimestamp(grant.auth_time // SECOND or grant.issued // SECOND, UTC).date().isoformat(),
        "person": person.name if person is not None and person.id != account.id else None,
        "texts": [choice.text for choice in choices(scopes, here.language, smart.known)],
    }
