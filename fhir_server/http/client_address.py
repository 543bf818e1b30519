"""The network address a request came from, for the audit trail: the connection's, unless a trusted proxy says so.

What `X-Forwarded-For` claims counts only as far as those who wrote it are trusted: it is read from its end, where the
nearest proxy wrote, up to the first address that is not a trusted proxy itself. Nothing else is taken from forwarding
headers: links derive from the public URL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from fhir_server.http.headers import Headers

KEPT = 1024
"""Connections' addresses remembered as trusted or not."""


class ClientAddress:
    """Tells addresses; `trusted` are those of proxies, single ones or networks such as `10.0.0.0/8`."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(map(ip_network, trusted))
        self._known: dict[str, bool] = {}

    def __call__(self, scope: Mapping[str, Any], headers: Headers) -> str:
        """Return the address of the client, "" when there is no connection to tell it."""
        client = scope.get("client")
        if client is None:
            return ""
        peer: str = client[0]
        if not self._networks or not self._is_trusted(peer):
            return peer
        return self._forwarded(peer, headers.get(b"x-forwarded-for", b""))

    def _forwarded(self, peer: str, chain: bytes) -> str:
        nearest = peer
        for hop in reversed(chain.decode("latin-1").split(",")):
            try:
                nearest = str(ip_address(_bare(hop.strip())))
            except ValueError:
                # Whoever wrote this wrote no address: the last one that was told stands.
                return nearest
            if not self._is_trusted(nearest):
                return nearest
        return nearest

    def _is_trusted(self, address: str) -> bool:
        known = self._known.get(address)
        if known is None:
            known = self._within(address)
            if len(self._known) < KEPT:
                self._known[address] = known
        return known

    def _within(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None)
        return any((mapped or found) in network for network in self._networks)


def _bare(hop: str) -> str:
    """Return an address without the port that some proxies add: `192.0.2.7:443`, `[2001:db8::1]:443`."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
