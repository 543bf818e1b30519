"""Registered apps: what a registration may say (RFC 7591, SMART App Launch 2.2), as a plain value.

A registration is read from the names of RFC 7591 by `read_client`; the same reader serves the command line, `/admin`
and dynamic registration. What a client may be sent to is compared exactly (RFC 9700), but for the port of a native app
that listens on the loopback address (RFC 8252, 7.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from auth.client_keys import check_keys
from auth.scopes import NO_SCOPES, Known, Scopes, parse_scopes

Method = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
GrantType = Literal["authorization_code", "refresh_token", "client_credentials"]
METHODS: tuple[Method, ...] = get_args(Method)
GRANT_TYPES: tuple[GrantType, ...] = get_args(GrantType)
SECRET_METHODS = frozenset(("client_secret_basic", "client_secret_post"))
LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
LONGEST = 2000
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]*")


@dataclass(frozen=True, slots=True)
class Client:
    """One registered app.

    `scopes` is the most it may be granted. `secret` is the SHA-256 of its secret, for the methods that have one; `keys`
    are its public JWKs, or `keys_url` is where they are. `refresh_days` is how long its refresh tokens live. `ehr` says
    that it launches others and may choose logical ids. `post_logout_redirect_uris` are where users go who have signed
    out at its wish.
    """

    id: str
    name: str
    method: Method
    grant_types: tuple[GrantType, ...]
    redirect_uris: tuple[str, ...] = ()
    launch_uris: tuple[str, ...] = ()
    scopes: Scopes = NO_SCOPES
    keys: tuple[Mapping[str, Any], ...] = ()
    keys_url: str | None = None
    secret: str | None = None
    refresh_days: int = 90
    ehr: bool = False
    disabled: bool = False
    post_logout_redirect_uris: tuple[str, ...] = ()

    @property
    def confidential(self) -> bool:
        """Whether it proves who it is at the token endpoint."""
        return self.method != "none"

    @property
    def origins(self) -> frozenset[str]:
        """The web origins its pages come from, for CORS."""
        return frozenset(
            f"{parts.scheme}://{parts.netloc}"
            for parts in map(urlsplit, (*self.redirect_uris, *self.launch_uris))
            if parts.scheme in ("http", "https")
        )

    def may_return_to(self, uri: str) -> bool:
        """Return whether `uri` is one of the registered redirect URIs, any port allowed on a loopback address."""
        return uri in self.redirect_uris or any(_same_but_port(uri, each) for each in self.redirect_uris)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a registration: the member's name in RFC 7591, and a sentence."""

    member: str
    text: str


def read_client(id: str, said: Mapping[str, Any], known: Known) -> tuple[Client | None, list[Problem]]:
    """Return the client that a registration describes, or None and what is wrong with it.

    `known` tells whether a type has a search parameter of that name. The secret is not part of what is said.
    """
    problems: list[Problem] = []
    method = _choice(said, "token_endpoint_auth_method", METHODS, "none", problems)
    grants = _grant_types(said, problems)
    redirects = _uris(said, "redirect_uris", native=True, problems=problems)
    launches = _uris(said, "launch_uris", native=False, problems=problems)
    keys, keys_url = _keys(said, problems)
    client = Client(
        id=id,
        name=_name(said, problems),
        method=method,
        grant_types=grants,
        redirect_uris=redirects,
        launch_uris=launches,
        scopes=_scopes(said, known, problems),
        keys=keys,
        keys_url=keys_url,
        refresh_days=_days(said, problems),
        ehr=said.get("ehr") is True,
        post_logout_redirect_uris=_uris(said, "post_logout_redirect_uris", native=True, problems=problems),
    )
    problems += _together(client)
    return (None if problems else client), problems


def _together(client: Client) -> list[Problem]:
    """Return what does not fit together."""
    backend = "client_credentials" in client.grant_types
    return [
        Problem(member, text)
        for wrong, member, text in (
            (
                "authorization_code" in client.grant_types and not client.redirect_uris,
                "redirect_uris",
                "An app that users sign in to needs at least one redirect URI.",
            ),
            (
                client.method == "private_key_jwt" and not client.keys and client.keys_url is None,
                "jwks",
                "private_key_jwt needs the client's public keys: give jwks_uri or jwks.",
            ),
            (
                backend and client.method != "private_key_jwt",
                "token_endpoint_auth_method",
                "client_credentials needs private_key_jwt.",
            ),
            (
                backend and "authorization_code" not in client.grant_types and bool(client.scopes.levels - {"system"}),
                "scope",
                "A backend service acts for no user: its scopes begin with system/.",
            ),
            (
                not backend and "system" in client.scopes.levels,
                "scope",
                "system/ scopes are for backend services: add the grant type client_credentials.",
            ),
            (
                client.grant_types == ("refresh_token",),
                "grant_types",
                "refresh_token stands only beside authorization_code.",
            ),
        )
        if wrong
    ]


def _name(said: Mapping[str, Any], problems: list[Problem]) -> str:
    name = said.get("client_name")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 100 or not name.isprintable():
        problems.append(Problem("client_name", "A name of 1 to 100 printable characters is needed: users see it."))
        return ""
    return name.strip()


def _choice(
    said: Mapping[str, Any], member: str, choices: tuple[Method, ...], default: Method, problems: list[Problem]
) -> Method:
    given = said.get(member, default)
    found = next((each for each in choices if each == given), None)
    if found is None:
        problems.append(Problem(member, f"It must be one of {', '.join(choices)}."))
    return found or default


def _grant_types(said: Mapping[str, Any], problems: list[Problem]) -> tuple[GrantType, ...]:
    given = said.get("grant_types", ["authorization_code"])
    found = tuple(each for each in GRANT_TYPES if isinstance(given, list) and each in given)
    if not isinstance(given, list) or not given or len(found) != len(set(map(str, given))):
        problems.append(Problem("grant_types", f"It must be a list of {', '.join(GRANT_TYPES)}."))
    return found


def _uris(said: Mapping[str, Any], member: str, *, native: bool, problems: list[Problem]) -> tuple[str, ...]:
    given = said.get(member, [])
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given) or len(given) > 50:
        problems.append(Problem(member, "It must be a list of at most 50 addresses."))
        return ()
    for each in given:
        if reason := _wrong_uri(each, native=native):
            problems.append(Problem(member, reason))
    return tuple(dict.fromkeys(given))


def _wrong_uri(uri: str, *, native: bool) -> str | None:
    """Return why an app may not be sent to `uri`. `native` admits schemes of one's own (`org.example.app:/x`)."""
    if not uri.isascii() or not uri.isprintable() or len(uri) > LONGEST or any(each in uri for each in ' \\*"<>'):
        return f"An address is ASCII, without spaces, backslashes and wildcards, and at most {LONGEST} characters long."
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "An address cannot be read."
    if parts.fragment or uri.endswith("#") or parts.username is not None or port == 0:
        return "An address has no fragment, no user name and no port 0."
    if not _HOST.fullmatch(parts.netloc):
        return "The host of an address is letters, digits, dots and hyphens, or an IP address."
    if ".." in parts.path.split("/") or "%2e" in parts.path.lower() or "%2f" in parts.path.lower():
        return "An address has no .. and no escaped slash or dot in its path."
    if parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK):
        return None if host else "An address needs a host."
    if native and "." in parts.scheme:
        return None
    return "An address is https; http only on this machine; a scheme of an app's own has a dot, as org.example.app:/."


def _keys(said: Mapping[str, Any], problems: list[Problem]) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
    url, inline = said.get("jwks_uri"), said.get("jwks")
    if url is not None and (not isinstance(url, str) or _wrong_uri(url, native=False)):
        problems.append(Problem("jwks_uri", "It must be an https address."))
        url = None
    if url is not None and inline is not None:
        problems.append(Problem("jwks", "Give jwks_uri or jwks, not both."))
    keys, wrong = check_keys(inline) if inline is not None else ((), [])
    problems += [Problem("jwks", text) for text in wrong]
    return keys, url


def _scopes(said: Mapping[str, Any], known: Known, problems: list[Problem]) -> Scopes:
    given = said.get("scope", "")
    if not isinstance(given, str) or len(given) > 10_000:
        problems.append(Problem("scope", "It must be scopes in one string, separated by spaces."))
        return NO_SCOPES
    scopes, refused = parse_scopes(given, known)
    problems += [Problem("scope", f"{each.scope} {each.reason}.") for each in refused]
    return scopes


def _days(said: Mapping[str, Any], problems: list[Problem]) -> int:
    days = said.get("refresh_days", 90)
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 3650:
        problems.append(Problem("refresh_days", "It must be a whole number of days from 1 to 3650."))
        return 90
    return days


def _same_but_port(uri: str, registered: str) -> bool:
    try:
        one, other = urlsplit(uri), urlsplit(registered)
        ports_are_numbers = (one.port, other.port)
    except ValueError:
        return False
    if (
        one.scheme != "http"
        or one.hostname not in LOOPBACK - {"localhost"}
        or "@" in one.netloc
        or 0 in ports_are_numbers
    ):
        return False
    return (one.hostname, one.path, one.query) == (other.hostname, other.path, other.query) and (
        other.scheme == "http" and not one.fragment and "#" not in uri
    )
