"""The public keys of apps that publish them at an address: fetched through the host, kept as long as they may be.

An unknown key id is a reason to look again, once a minute at most, so that nobody makes this server call by the
thousand.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field

from auth.client_keys import Key, check_keys
from auth.clients import Client
from auth.ports import Clock, Fetch, Fetched
from auth.smart.errors import InvalidClient

SECOND = 1_000_000
AGAIN = 60 * SECOND
"""Microseconds before an address is asked again for a key that it did not have."""
FAILED = 10 * SECOND
"""Microseconds for which an address that gave no keys is not asked again."""
UNSAID = 60 * SECOND
"""Microseconds for which keys are kept that come without Cache-Control."""
MOST = 3600 * SECOND
_MAX_AGE = re.compile(r"(?:^|,)\s*max-age\s*=\s*\"?(\d{1,9})")
_FORBIDS = re.compile(r"(?:^|,)\s*(no-store|no-cache)")


@dataclass(slots=True)
class _Known:
    """What an address answered: `asked` when, and until when it counts, in microseconds since 1970.

    `refusal` is what was wrong with an answer without keys.
    """

    keys: tuple[Key, ...] = ()
    refusal: str | None = None
    asked: int = -AGAIN
    until: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeySets:
    """A tenant's knowledge of its apps' keys."""

    def __init__(self, fetch: Fetch, now: Clock) -> None:
        self._fetch = fetch
        self._now = now
        self._known: dict[str, _Known] = {}

    async def keys_of(self, client: Client, kid: str) -> tuple[Key, ...]:
        """Return the client's keys, among which `kid` is looked for. Raises InvalidClient when they cannot be had."""
        if client.keys_url is None:
            return client.keys
        known = self._known.setdefault(client.keys_url, _Known())
        async with known.lock:
            now = self._now()
            has = any(key.get("kid") == kid for key in known.keys)
            fresh = known.refusal is None and now < known.until
            if fresh and (has or now < known.asked + AGAIN):
                return known.keys
            if known.refusal is None or now >= known.asked + FAILED:
                answer = await self._fetch(client.keys_url)
                known.keys, known.refusal = _read(answer)
                known.asked, known.until = now, now + _life(answer)
            if known.refusal is not None:
                raise InvalidClient(known.refusal)
            return known.keys


def _read(answer: Fetched | None) -> tuple[tuple[Key, ...], str | None]:
    """Return the keys of an answer, or what is wrong with it."""
    try:
        said = json.loads(answer.content) if answer is not None and answer.status == 200 else None
    except (ValueError, RecursionError):
        said = None
    keys, wrong = check_keys(said)
    if said is None or wrong:
        return (), "The client's keys could not be had from its jwks_uri." + (f" {wrong[0]}" if said else "")
    return keys, None


def _life(answer: Fetched | None) -> int:
    said = (answer.headers.get("cache-control", "") if answer is not None else "").lower()
    if _FORBIDS.search(said):
        return 0
    age = _MAX_AGE.search(said)
    return min(int(age[1]) * SECOND, MOST) if age else UNSAID
