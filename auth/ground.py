"""What everything that changes accounts and sessions stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auth.grants import Grant
from auth.passwords import Passwords
from auth.ports import Clock, Store
from auth.sealing import Seal
from auth.throttle import Throttle
from auth.trail import Trail


@dataclass(frozen=True, slots=True)
class Ground:
    """A tenant's store and clock, its passwords, counts and trail, and what seals its secrets.

    `changed` is told the id of each account that was changed, `ended` each grant that was revoked; after the commit.
    """

    store: Store
    now: Clock
    passwords: Passwords
    throttle: Throttle
    trail: Trail
    seal: Seal
    changed: Callable[[str], None]
    ended: Callable[[Grant], None]
