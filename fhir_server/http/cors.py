"""CORS for the origins that the settings list and those of registered clients; discovery alone is for every page.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fhir_server.http.headers import Headers

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
ALLOWED = (
    "accept, authorization, content-type, if-match, if-modified-since, if-none-exist, if-none-match, if-range, prefer, "
    "range, x-request-id, x-security-context"
)
EXPOSED = (
    "accept-ranges, allow, content-disposition, content-location, content-range, etag, last-modified, link, location, "
    "retry-after, www-authenticate, x-progress, x-request-id, x-security-context"
)

_EXPOSE = (b"access-control-expose-headers", EXPOSED.encode())


class Cors:
    """What to tell a browser about an origin."""

    def __init__(
        self,
        origins: Iterable[str],
        registered: Callable[[bytes], bool] = lambda _: False,
        *,
        discoverable: bool = False,
    ) -> None:
        """`origins` are always allowed, others while `registered` says so: asked each time, so it must be quick.

        `discoverable` says that any page may read what the server can do, before its app is registered.
        """
        self._origins = frozenset(origin.rstrip("/").encode() for origin in origins)
        self._registered = registered
        self._discoverable = discoverable

    def headers(self, request: Headers, *, discovery: bool = False) -> list[tuple[bytes, bytes]]:
        """Return the headers that let a listed origin read the answer; none for any other, but for `discovery`."""
        origin = request.get(b"origin")
        if origin is None:
            return []
        if self.allows(origin):
            return [(b"access-control-allow-origin", origin), _EXPOSE]
        return [(b"access-control-allow-origin", b"*"), _EXPOSE] if discovery and self._discoverable else []

    def is_preflight(self, method: str, request: Headers) -> bool:
        """Return whether a request only asks what another one from a listed origin may be."""
        return (
            method == "OPTIONS"
            and b"access-control-request-method" in request
            and self.allows(request.get(b"origin", b""))
        )

    def allows(self, origin: bytes) -> bool:
        """Return whether pages of an origin may read answers."""
        return origin in self._origins or self._registered(origin)

    def preflight(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that answer a preflight, beside those of `headers`."""
        return [
            (b"access-control-allow-methods", METHODS.encode()),
            (b"access-control-allow-headers", ALLOWED.encode()),
            (b"access-control-max-age", b"600"),
        ]
