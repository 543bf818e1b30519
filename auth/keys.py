"""Signing keys: made when first needed, kept in the table `signing_key`, rotated with overlap, published as JWKS.

A rotated-in key is published at once and signs only when everybody has had time to fetch it (`AHEAD`); the one before
verifies until the last token it signed has expired (`BEHIND`). The private part lies sealed in the store, and never
leaves it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

from auth.ports import Clock, Record, Store, Transaction
from auth.resealing import about_key, reseal
from auth.sealing import MARK, Seal
from auth.tables import SIGNING_KEYS

ALGORITHM = "RS256"
BITS = 2048
AHEAD = 3600 * 1_000_000
"""Microseconds between the publication of a key and its first signature."""
BEHIND = 2 * 3600 * 1_000_000
"""Microseconds for which a key verifies after the next one has begun to sign."""
REMEMBERED = 5_000_000
"""Microseconds after which a process looks again whether another one has rotated the keys."""


@dataclass(frozen=True)
class SigningKey:
    """One key: `made` when, signs from `starts`, verifies until `ends` (None: no end yet); microseconds since 1970."""

    kid: str
    pem: str
    made: int
    starts: int
    ends: int | None = None

    @cached_property
    def private(self) -> rsa.RSAPrivateKey:
        """The private key."""
        key = load_pem_private_key(self.pem.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    @cached_property
    def public(self) -> rsa.RSAPublicKey:
        """The public key."""
        return self.private.public_key()

    def jwk(self) -> dict[str, Any]:
        """Return the public key as a JWK (RFC 7517)."""
        found: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(self.public))
        return {"kty": "RSA", "use": "sig", "alg": ALGORITHM, "kid": self.kid, "n": found["n"], "e": found["e"]}


class Keys:
    """A tenant's keys, as this process knows them."""

    def __init__(self, store: Store, now: Clock, seal: Seal) -> None:
        self._store = store
        self._now = now
        self._seal = seal
        self._known: dict[str, SigningKey] = {}
        self._learnt = now() - REMEMBERED
        self._first: asyncio.Lock = asyncio.Lock()

    async def learn(self) -> None:
        """Read the keys that are kept. Raises Unsealable. In a store of before secrets were sealed, they are now."""
        self._learnt = self._now()
        records = await self._store.records.scan(SIGNING_KEYS.name)
        if any(not record.value["pem"].startswith(MARK) for record in records):
            await self._store.write(lambda tx: reseal(tx, self._seal))
        found = [self._read(record) for record in records]
        self._known = {key.kid: self._known.get(key.kid) or key for key in found}
        self._known |= {key.kid: key for key in found if self._known[key.kid].ends != key.ends}

    async def renew(self) -> None:
        """Learn what another process may have rotated, at most once in `REMEMBERED`, whatever a token names."""
        if not 0 <= self._now() - self._learnt < REMEMBERED:
            await self.learn()

    def listed(self) -> Sequence[SigningKey]:
        """Return the keys that still verify, or will sign, by age."""
        now = self._now()
        living = (key for key in self._known.values() if key.ends is None or now < key.ends)
        return sorted(living, key=lambda key: (key.starts, key.kid))

    def verifying(self, kid: object) -> SigningKey | None:
        """Return the key that `kid` names, if tokens signed with it count. Nothing is fetched, whatever it says."""
        key = self._known.get(kid) if isinstance(kid, str) else None
        return key if key is not None and (key.ends is None or self._now() < key.ends) else None

    async def signing(self) -> SigningKey:
        """Return the key to sign with now; the first one is made here."""
        await self.renew()
        now = self._now()
        ready = [key for key in self.listed() if key.starts <= now]
        return ready[-1] if ready else await self._make_first()

    async def rotate(self) -> SigningKey:
        """Publish a new key, which signs from `AHEAD` on, and let those before it end. Return it."""
        await self.signing()
        pem = await asyncio.to_thread(_generate)

        async def work(tx: Transaction) -> SigningKey:
            fresh = SigningKey(uuid4().hex, pem, tx.time, tx.time + AHEAD)
            for record in await tx.records.scan(SIGNING_KEYS.name):
                key = self._read(record)
                if key.ends is None:
                    ended = SigningKey(key.kid, key.pem, key.made, key.starts, fresh.starts + BEHIND)
                    await _keep(tx, ended, self._seal)
            return await _keep(tx, fresh, self._seal)

        fresh = await self._store.write(work)
        await self.learn()
        return fresh

    def jwks(self) -> dict[str, Any]:
        """Return what verifies our tokens, as a JWK set (RFC 7517)."""
        return {"keys": [key.jwk() for key in self.listed()]}

    async def _make_first(self) -> SigningKey:
        async with self._first:
            if self.listed():
                return self.listed()[-1]
            pem = await asyncio.to_thread(_generate)

            async def work(tx: Transaction) -> SigningKey:
                return await _keep(tx, SigningKey(uuid4().hex, pem, tx.time, tx.time), self._seal)

            key = await self._store.write(work)
            await self.learn()
            return key

    def _read(self, record: Record) -> SigningKey:
        value = record.value
        pem = self._seal.open(value["pem"], about_key(record.key))
        return SigningKey(record.key, pem, value["made"], value["starts"], value["ends"])


def _generate() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


async def _keep(tx: Transaction, key: SigningKey, seal: Seal) -> SigningKey:
    pem = seal.close(key.pem, about_key(key.kid))
    value = {"pem": pem, "made": key.made, "starts": key.starts, "ends": key.ends}
    await tx.records.put(SIGNING_KEYS.name, key.kid, value, expires=key.ends)
    return key
