"""A tenant's authentication, all parts together. `open_auth` builds it over the host's store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from auth.accounts import Account
from auth.admission import Admission
from auth.assurance import ANY, Assurance
from auth.grants import Grant
from auth.ground import Ground
from auth.keys import Keys
from auth.letters import Letters
from auth.mail import Deliver, Outbox
from auth.passkeys import Passkeys
from auth.passwords import Passwords
from auth.ports import Clock, Row, Store
from auth.recovery import Recovery
from auth.sealing import Seal
from auth.sessions import Sessions
from auth.throttle import Throttle
from auth.tokens import ACCESS_SECONDS, Tokens
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
    recovery: Recovery
    passkeys: Passkeys
    outbox: Outbox
    admission: Admission[P]
    assurance: Assurance

    async def close(self) -> None:
        """Deliver the letters that wait."""
        await self.outbox.close()


@dataclass(frozen=True, slots=True)
class House(Generic[P]):
    """What the host gives: its store and clock, its base URL, what seals secrets in the store and counts attempts, how
    it makes audit rows and principals, how letters are delivered and whom a lost one is told, the address of the front
    end, whose pages may use passkeys besides, whether only a confirmed address signs in, whether refusals wait for
    their row, how surely people must be recognised, and how many seconds an access token counts.
    """

    store: Store
    now: Clock
    base: str
    seal: Seal
    throttle: Throttle
    row: Row
    principal: Callable[[Grant, Account | None], Awaitable[P]]
    deliver: Deliver
    lost: Callable[[str], None]
    front: str = ""
    origins: Sequence[str] = ()
    confirmed_only: bool = False
    waits: bool = False
    assurance: Assurance = ANY
    access_seconds: int = ACCESS_SECONDS


async def open_auth(house: House[P]) -> Auth[P]:
    """Return the authentication over `house`. Raises Unsealable when its signing keys cannot be opened."""
    store, now = house.store, house.now
    keys = Keys(store, now, house.seal)
    await keys.learn()
    tokens = Tokens(keys, house.base, house.base, now, house.access_seconds)
    passwords = Passwords()
    throttle = house.throttle
    trail = Trail(store, house.row, now, waits=house.waits)
    outbox, letters = Outbox(house.deliver, house.lost), Letters(house.front)
    admission = Admission(tokens, lambda: store.records, now, house.principal, house.assurance)

    ground = Ground(
        store,
        now,
        passwords,
        throttle,
        trail,
        house.seal,
        changed=lambda account: admission.forget(account=account),
        ended=lambda grant: admission.forget(grant=grant.id),
    )
    factors = SecondFactors(ground, house.base)

    async def replayed(account: Account) -> None:
        await outbox.send(letters.write("ended", account))

    sessions = Sessions(ground, tokens, factor=factors.judge, replayed=replayed, confirmed_only=house.confirmed_only)
    recovery = Recovery(ground, sessions, outbox, letters)
    passkeys = Passkeys(ground, sessions, *_site(house.base, house.front, house.origins))
    return Auth(
        *(store, now, keys, tokens, passwords, throttle, trail, factors, sessions, recovery, passkeys, outbox),
        admission,
        house.assurance,
    )


def _site(base: str, front: str, origins: Sequence[str]) -> tuple[str, list[str]]:
    """Return the name that passkeys are for, that of the front end if there is one, and the origins of its pages."""
    parts = [urlsplit(each) for each in (front or base, base, *origins) if each]
    return parts[0].hostname or "localhost", list(dict.fromkeys(f"{each.scheme}://{each.netloc}" for each in parts))
