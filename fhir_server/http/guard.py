"""Who is at the door. In this release there is one way in: open mode, for local trials, tests and benchmarks.

Open mode knows no accounts, so a page in the user's own browser must not get in on the strength of being local: a
Host that is not this server's is refused (DNS rebinding), and so is a writing request whose Origin is another site.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from fhir_server.errors import Forbidden, Misdirected
from fhir_server.http.headers import Headers
from fhir_server.interactions.call import ANONYMOUS, Principal

LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_READING = frozenset(("GET", "HEAD", "OPTIONS"))


class OpenGuard:
    """The guard of open mode: everybody on this machine is `ANONYMOUS`."""

    def __init__(self, public_url: str, *, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        """`hosts` are names without port that are ours besides the public URL's and loopback; `origins` are trusted."""
        own = urlsplit(public_url)
        self._hosts = LOOPBACK | {own.hostname or ""} | {host.lower() for host in hosts}
        self._origins = frozenset(origins)
        self._known: set[bytes] = set()

    def admit(self, method: str, headers: Headers) -> Principal:
        """Return who calls. Raises Misdirected for a foreign Host, Forbidden for a write from a foreign page."""
        host = headers.get(b"host", b"")
        if host not in self._known:
            self._admit_host(host)
        origin = headers.get(b"origin")
        if origin is not None and method not in _READING:
            self._admit_origin(origin.decode("latin-1"))
        return ANONYMOUS

    def _admit_host(self, host: bytes) -> None:
        name = _hostname(f"http://{host.decode('latin-1')}")
        if name not in self._hosts:
            raise Misdirected(
                "The Host header names another server. Use this server's own address, or list the name in "
                "FHIR_SERVER_ALLOWED_HOSTS.",
                expression="http.Host",
            )
        if len(self._known) < 64:
            self._known.add(host)

    def _admit_origin(self, origin: str) -> None:
        if origin not in self._origins and _hostname(origin) not in self._hosts:
            raise Forbidden(
                "A page of another site may not write here. List its origin in FHIR_SERVER_CORS_ORIGINS to allow it.",
                expression="http.Origin",
            )


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
