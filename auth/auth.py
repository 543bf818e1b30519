"""A tenant's authentication, all parts together. `open_auth` builds it over the host's store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from auth.accounts import Account
from auth.admission import Admission
from auth.grants import Grant
from auth.keys import Keys
from auth.passwords import Passwords
from auth.ports import Clock, Row, Store
from auth.sessions import Sessions
from auth.throttle import Throttle
from auth.tokens import Tokens
from auth.totp import SecondFactors
from auth.trail import Trail

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Auth(Generic[P]):
    """The parts."""

    store: Store
    now: Clock
    keys: Keys
    tokens: Tokens
    passwords: Passwords
    throttle: Throttle
    trail: Trail
    factors: SecondFactors
    sessions: Sessions
    admission: Admission[P]


@dataclass(frozen=True, slots=True)
class House(Generic[P]):
    """What the host gives: its store and clock, its base URL, a secret of 32 bytes, how it makes audit rows and
    principals, whether refusals wait for their row, and how wide the rates are.
    """

    store: Store
    now: Clock
    base: str
    secret: bytes
    row: Row
    principal: Callable[[Grant, Account | None], P]
    waits: bool = False
    rate_factor: float = 1.0


async def open_auth(house: House[P]) -> Auth[P]:
    """Return the authentication over `house`."""
    store, now = house.store, house.now
    keys = Keys(store, now)
    await keys.learn()
    tokens = Tokens(keys, house.base, house.base, now)
    passwords = Passwords()
    throttle = Throttle(house.secret, house.rate_factor)
    trail = Trail(store, house.row, now, waits=house.waits)
    factors = SecondFactors(store, passwords, throttle, trail, now, house.base)
    admission = Admission(tokens, lambda: store.records, now, house.principal)
    sessions = Sessions(
        store,
        passwords,
        tokens,
        throttle,
        trail,
        factor=factors.judge,
        forget=lambda grant: admission.forget(grant=grant.id),
    )
    return Auth(store, now, keys, tokens, passwords, throttle, trail, factors, sessions, admission)
