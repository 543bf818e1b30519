"""The browser at the door of the pages: what it is known by, what it may send, and how a page is answered to it.

What is sent to a page is taken from our own pages alone, never from those of another site: nobody can be signed in, or
made to agree, by somebody else's form.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from auth.errors import AuthError, SecondFactor, TooMany
from auth.smart import browser
from auth.smart.errors import Refusal, Stray
from auth.smart.flow import Go, Show
from auth.smart.pages import language_of
from auth.smart.smart import Smart
from auth.smart.words import Language
from fhir_server.api.smart import SmartHere, form_of

SEE_OTHER = 303


class Browser:
    """The browser at the door: its `secret`, None when it has none; `known` is what it is known by then, nothing.

    `language` is that of its user.
    """

    def __init__(self, request: Request, smart: Smart) -> None:
        https = smart.endpoints.root.startswith("https://")
        self.cookie = "__Host-fhir" if https else "fhir"
        self.https = https
        self.secret = request.cookies.get(self.cookie)
        self.known = self.secret or ""
        self.language: Language = language_of(request.headers.get("accept-language", ""))

    def remember(self, response: Response, secret: str | None) -> Response:
        """Let the browser keep a new secret, if there is one."""
        if secret is not None:
            response.set_cookie(
                self.cookie, secret, browser.SECONDS, path="/", secure=self.https, httponly=True, samesite="lax"
            )
        return response


async def browser_of(request: Request, smart: SmartHere) -> Browser:
    """Return the browser."""
    return Browser(request, smart)


async def demand_own_page(request: Request, smart: SmartHere) -> None:
    """Refuse what a page of another site sends. Raises Stray."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    root = urlsplit(smart.endpoints.root)
    if site not in ("same-origin", "none") or origin not in (None, f"{root.scheme}://{root.netloc}"):
        raise Stray("other_site")


async def fields_of(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a form. Raises Stray for a body that is none."""
    try:
        return await form_of(request)
    except Refusal:
        raise Stray("no_form") from None


BrowserHere = Annotated[Browser, Depends(browser_of)]
Fields = Annotated[list[tuple[str, str]], Depends(fields_of)]
OWN: Any = {"dependencies": [Depends(demand_own_page)]}
"""What routes have that take the forms of our own pages."""


async def answer_stray(request: Request, error: Exception) -> Response:
    """Show the user that a request leads nowhere."""
    assert isinstance(error, Stray)
    smart: Smart = request.app.state.desk().smart
    return html_page(smart, Browser(request, smart), "stray", status=error.status, problem=error.reason)


def go_on(go: Go, here: Browser) -> Response:
    """Send the browser where a step leads."""
    address = go.address or f"/auth/authorize/{go.id}"
    return here.remember(RedirectResponse(address, SEE_OTHER), go.browser)


def html_page(
    smart: Smart, browsing: Browser, page: str, *, status: int = 200, to: str = "", **values: Any
) -> Response:
    """Return a page that no other site frames; a form of it may lead to the app at `to` (a source of CSP)."""
    nonce = secrets.token_urlsafe(16)
    html = smart.pages.render(page, browsing.language, nonce, **values)
    # A browser follows a form's redirect only to where `form-action` lets it.
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'{' ' if to else ''}{to}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    # Without any referrer, browsers would no longer say from which origin a form is sent.
    headers = {
        "Content-Security-Policy": policy,
        "Content-Language": browsing.language,
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }
    return HTMLResponse(html, status, headers)


def login_page(
    smart: Smart, here: Browser, step: Show | None, said: dict[str, str], error: AuthError | None
) -> Response:
    """Show the form to sign in: for the request at `step`, or for the page of apps."""
    second = isinstance(error, SecondFactor) or bool(said.get("code"))
    return html_page(
        smart,
        here,
        "login",
        status=200 if error is None or isinstance(error, SecondFactor) else error.status,
        to=back_to(step) if step else "",
        app=step.request.client.name if step else None,
        action=f"/auth/authorize/{step.id}/login" if step else "/auth/apps/login",
        email=said.get("email", ""),
        second=second,
        problem=_problem(error, second=second),
    )


def back_to(step: Show) -> str:
    """Return where the app is answered, as a source of a Content-Security-Policy."""
    return source_of(step.request.redirect_uri)


def source_of(address: str) -> str:
    """Return what a page at an address is to a Content-Security-Policy."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def _problem(error: AuthError | None, *, second: bool) -> str | None:
    """Return the name of the text that tells what was wrong."""
    match error:
        case None:
            return None
        case SecondFactor():
            return "code_due"
        case TooMany():
            return "too_many"
    return "wrong_code" if second else "wrong"
