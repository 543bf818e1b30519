"""How often something may be tried, by network address, by account, and by both together.

Nobody can lock anybody out: what is counted per account counts strangers only, and an address from which the account
has signed in before is judged by its own failures alone. Counts are in memory, moving windows, of this process.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from auth.errors import TooMany

PREFIX_V6 = 64
"""Bits of an IPv6 address that are one customer's."""
RATES: dict[str, RateLimitItem] = {
    "failure-pair": RateLimitItemPerMinute(5, 10),
    "failure-address": RateLimitItemPerMinute(30, 10),
    "failure-strangers": RateLimitItemPerHour(50),
    "register-address": RateLimitItemPerHour(20),
    "letter-address": RateLimitItemPerHour(20),
    "letter-account": RateLimitItemPerHour(5),
    "code-account": RateLimitItemPerMinute(5, 10),
    "token-address": RateLimitItemPerMinute(60),
    "authorize-address": RateLimitItemPerMinute(60),
    "client-address": RateLimitItemPerHour(20),
    "client-failure": RateLimitItemPerMinute(100, 10),
}


class Throttle:
    """A tenant's counts. `secret` keys the digests under which addresses are counted; `factor` widens every rate."""

    def __init__(self, secret: bytes, factor: float = 1.0) -> None:
        self._secret = secret
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._rates = {
            name: type(rate)(max(1, round(rate.amount * factor)), rate.multiples) for name, rate in RATES.items()
        }

    def digest(self, text: str) -> str:
        """Return a keyed digest of something that is not to be kept in clear: the same for one IPv6 customer."""
        return hmac.new(self._secret, _network(text).encode(), hashlib.sha256).hexdigest()[:32]

    def hit(self, name: str, *keys: str) -> None:
        """Count one. Raises TooMany when that is beyond the rate."""
        if not self._limiter.hit(self._rates[name], name, *keys):
            raise TooMany(self._wait(name, keys))

    def demand(self, name: str, *keys: str) -> None:
        """Raise TooMany when the rate is used up; count nothing."""
        if not self._limiter.test(self._rates[name], name, *keys):
            raise TooMany(self._wait(name, keys))

    def count(self, name: str, *keys: str) -> None:
        """Count one, whatever the rate."""
        self._limiter.hit(self._rates[name], name, *keys)

    def forget(self, name: str, *keys: str) -> None:
        """Begin to count anew."""
        self._limiter.clear(self._rates[name], name, *keys)

    def _wait(self, name: str, keys: tuple[str, ...]) -> int:
        ends = self._limiter.get_window_stats(self._rates[name], name, *keys).reset_time
        return max(1, math.ceil(ends - time.time()))


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> (128 - PREFIX_V6) << (128 - PREFIX_V6)))
    return str(found)
