"""From an address to a bus. Drivers are imported only for the one that is asked for."""

from __future__ import annotations

from urllib.parse import urlsplit

from realtime.bus.base import Bus
from realtime.bus.memory import MemoryBus

SCHEMES = ("redis", "rediss", "unix")


class BadAddress(ValueError):
    """No bus has that address; the text says why, without the address, which may have a password in it."""


def connect(address: str, name: str) -> Bus:
    """Return the bus at `address`, not yet open: `redis://host:6379`, `rediss://` with TLS, `unix://path`, or "".

    Without an address the worker is alone. `name` is that of the installation: others at the same Redis are not heard.
    Raises BadAddress.
    """
    if not address:
        return MemoryBus()
    if urlsplit(address).scheme not in SCHEMES:
        raise BadAddress("write redis://host:6379, rediss://host:6379 with TLS, or unix:///path/to/redis.sock")
    try:
        from realtime.bus.redis import RedisBus
    except ImportError:
        raise BadAddress("redis needs the extra of that name: pip install 'fhir-health-server[redis]'") from None
    try:
        return RedisBus(address, name)
    except ValueError:
        raise BadAddress("this is no address of a Redis: write redis://user:password@host:6379") from None
