"""Somebody who signs in at the pages of the authorization server and decides, over HTTP, as a browser would."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from lxml import html

from tests.fakes.authority import PASSWORD

CALLBACK = "http://127.0.0.1:9/callback"
"""Where the apps of these tests are answered; nobody listens there."""


@dataclass(frozen=True)
class Pkce:
    """A verifier and its challenge (RFC 7636)."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Visitor:
    """A browser without scripts: cookies, forms and redirects, each of which it shows."""

    def __init__(self, root: str, email: str) -> None:
        self.root = root
        self.email = email
        self.http = httpx.Client(base_url=root, timeout=30, headers={"Accept-Language": "en"})

    def __enter__(self) -> Visitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def open(self, address: str) -> httpx.Response:
        """Follow an address as long as it leads within the server; return the page, or the redirect that leaves it."""
        answer = self.http.get(address)
        return self._follow(answer)

    def submit(self, page: httpx.Response, action: str, **values: Any) -> httpx.Response:
        """Send the form of a page whose address ends in `action`, with its own values changed by `values`."""
        form = next(each for each in html.fromstring(page.text).forms if (each.action or "").endswith(action))
        fields = [(name, value) for name, value in form.form_values() if name not in values]
        more = [
            (name, each) for name, value in values.items() for each in ([value] if isinstance(value, str) else value)
        ]
        body = httpx.QueryParams([*fields, *more])
        where = urljoin(str(page.request.url), form.action or "")
        type = "application/x-www-form-urlencoded"
        return self._follow(
            self.http.post(where, content=str(body), headers={"Content-Type": type, "Origin": self.root})
        )

    def leave(self, address: str, *, untick: tuple[str, ...] = (), also: tuple[str, ...] = ()) -> str:
        """Sign in where that is due, agree to everything but `untick`, and return the address of the app's answer."""
        page = self.open(address)
        if "/login" in page.text:
            page = self.submit(page, "/login", email=self.email, password=PASSWORD)
        if page.status_code == 200:
            ticked = [value for value in checked(page) if value not in untick]
            page = self.submit(page, "/decision", scope=[*ticked, *also], decision="allow")
        assert page.status_code == 303, page.text
        return str(page.headers["location"])

    def grant(self, address: str, *, untick: tuple[str, ...] = (), also: tuple[str, ...] = ()) -> dict[str, str]:
        """Do as `leave`, and return what the app is answered."""
        return said_at(self.leave(address, untick=untick, also=also))

    def _follow(self, answer: httpx.Response) -> httpx.Response:
        while answer.status_code == 303:
            where = urljoin(str(answer.request.url), answer.headers["location"])
            if not where.startswith(self.root):
                return answer
            answer = self.http.get(where)
        return answer


def checked(page: httpx.Response) -> list[str]:
    """Return the scopes that are ticked on a consent page."""
    return [str(value) for value in html.fromstring(page.text).xpath("//input[@name='scope'][@checked]/@value")]


def answered(page: httpx.Response) -> dict[str, str]:
    """Return what an app is told in the redirect to it."""
    assert page.status_code == 303, page.text
    return said_at(page.headers["location"])


def said_at(address: str) -> dict[str, str]:
    """Return what the query of an address says."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
