"""The network address of whoever asks: the connection's, or what a trusted proxy says in `X-Forwarded-For`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Any

from fhir_server.http.headers import Headers, text_of


def address(scope: Mapping[str, Any], headers: Headers, proxies: Collection[str]) -> str:
    """Return the address: the last one of the chain that no trusted proxy vouches for. `proxies` are addresses."""
    client = scope.get("client")
    found = str(client[0]) if client else ""
    chain = [part.strip() for part in (text_of(headers, b"x-forwarded-for") or "").split(",") if part.strip()]
    while found in proxies and chain:
        following = chain.pop()
        try:
            found = str(ip_address(following))
        except ValueError:
            break
    return found
