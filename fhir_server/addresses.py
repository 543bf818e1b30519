"""Addresses that others named and this server may ask: told by themselves, before anything is resolved or connected.

Only https on its usual port, unless the operator lists the origin; no user names and no fragments.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

PORTS = {"http": 80, "https": 443}
NAT64 = tuple(ipaddress.IPv6Network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Origin = tuple[str, str, int]


class AddressRefused(Exception):
    """The address may not be asked, or what it answered may not be taken; the text says why, without the address."""


def admit(url: str, allowed: Collection[Origin]) -> None:
    """Raise AddressRefused for what may not be asked; `allowed` are origins that the operator lists."""
    parts = _split(url)
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressRefused("The address must have no user name, password or fragment.")
    asked = _origin(parts)
    if asked not in allowed and (asked[0] != "https" or asked[2] != PORTS["https"]):
        raise AddressRefused("The address must be https on port 443; the operator may list other origins.")


def origin(url: str) -> Origin:
    """Return scheme, host in lower case, and port of `url`. Raises AddressRefused for what is no http address."""
    return _origin(_split(url))


def is_public(address: str) -> bool:
    """Return whether anybody on the Internet could have that IP address; what it carries inside counts too."""
    return all(each.is_global and not each.is_multicast for each in _meanings(address))


def _meanings(address: str) -> list[Address]:
    """Return the address and the IPv4 address that it embeds, if any."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return [found]
    inner: list[Address] = [each for each in (found.ipv4_mapped, found.sixtofour, *(found.teredo or ())) if each]
    if any(found in net for net in NAT64):
        inner.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
    return inner if found.ipv4_mapped else [found, *inner]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = parts.scheme in PORTS and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused("The address must be one of http or https, in ASCII.")
    return parts


def _origin(parts: SplitResult) -> Origin:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or PORTS[parts.scheme]
