"""How often something may be tried, by network address, by account, and by both together.

Nobody can lock anybody out: what is counted per account counts strangers only, and an address from which the account
has signed in before is judged by its own failures alone. Counts are moving windows, in the memory of this process, or
in a Redis that the processes of an installation share. While that does not answer, each process counts for itself.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Literal

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from auth.errors import TooMany

if TYPE_CHECKING:
    from limits.aio.storage import Storage

Keys = tuple[str, ...]
SECONDS = 1.0
"""How long a Redis may take before this process counts for itself."""
PAUSE = 10.0
"""Seconds before a Redis that did not answer is asked again."""
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
    """A tenant's counts. `secret` keys the digests under which addresses are counted; `factor` widens every rate.

    `shared` is where several processes count together; `away` is told each time that it cannot be reached.
    """

    def __init__(
        self,
        secret: bytes,
        factor: float = 1.0,
        shared: Storage | None = None,
        away: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._secret = secret
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared = None if shared is None else _limiter(shared)
        self._away = away
        self._again = 0.0
        self._rates = {
            name: type(rate)(max(1, round(rate.amount * factor)), rate.multiples) for name, rate in RATES.items()
        }

    def digest(self, text: str) -> str:
        """Return a keyed digest of something that is not to be kept in clear: the same for one IPv6 customer."""
        return hmac.new(self._secret, _network(text).encode(), hashlib.sha256).hexdigest()[:32]

    async def hit(self, name: str, *keys: str) -> None:
        """Count one. Raises TooMany when that is beyond the rate."""
        if not await self._ask("hit", name, keys):
            raise TooMany(await self._wait(name, keys))

    async def demand(self, name: str, *keys: str) -> None:
        """Raise TooMany when the rate is used up; count nothing."""
        if not await self._ask("test", name, keys):
            raise TooMany(await self._wait(name, keys))

    async def count(self, name: str, *keys: str) -> None:
        """Count one, whatever the rate."""
        await self._ask("hit", name, keys)

    async def forget(self, name: str, *keys: str) -> None:
        """Begin to count anew."""
        await self._ask("clear", name, keys)

    async def _ask(self, what: Literal["hit", "test", "clear", "get_window_stats"], name: str, keys: Keys) -> Any:
        """Ask the counts that are shared, or else those of this process."""
        if self._shared is not None and time.monotonic() >= self._again:
            try:
                return await getattr(self._shared, what)(self._rates[name], name, *keys)
            except StorageError as error:
                self._again = time.monotonic() + PAUSE
                self._away(type(error.storage_error).__name__)
        return getattr(self._own, what)(self._rates[name], name, *keys)

    async def _wait(self, name: str, keys: Keys) -> int:
        ends: float = (await self._ask("get_window_stats", name, keys)).reset_time
        return max(1, math.ceil(ends - time.time()))


def _limiter(shared: Storage) -> Any:
    from limits.aio.strategies import MovingWindowRateLimiter

    return MovingWindowRateLimiter(shared)


def shared_counts(address: str, name: str) -> Storage:
    """Return counts in the Redis at `address`, for all processes that call their installation `name`.

    Raises ValueError for what is no such address, ConfigurationError when there is no driver for it.
    """
    if not address.startswith(("redis://", "rediss://", "unix:")):
        raise ValueError("no address of a Redis")
    # Only who has several processes pays for the driver.
    from limits.aio.storage import RedisStorage

    path = address.removeprefix("unix:")
    return RedisStorage(
        f"async+{address}" if path == address else f"async+redis+unix:{path}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix=f"{name}:rates",
        socket_timeout=SECONDS,
        socket_connect_timeout=SECONDS,
    )


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> (128 - PREFIX_V6) << (128 - PREFIX_V6)))
    return str(found)
