"""All secrets of a store, sealed anew: with another key, or for the first time."""

from __future__ import annotations

from dataclasses import replace

import pyotp

from auth.accounts import every, put
from auth.ports import Transaction
from auth.sealing import Seal, Unsealable
from auth.tables import SIGNING_KEYS


def about_key(kid: str) -> str:
    """Return what the private part of a signing key is sealed as."""
    return f"signing-key/{kid}"


def about_factor(account: str) -> str:
    """Return what the secret of an account's authenticator is sealed as."""
    return f"totp/{account}"


async def reseal(tx: Transaction, seal: Seal, *, lost: bool = False) -> int:
    """Seal all secrets with the first key of `seal`, and return how many there are. Raises Unsealable.

    With `lost`, those that it cannot open are given up: a signing key is forgotten, so that what it signed ends; the
    codes of an authenticator count no more, but recovery codes do.
    """
    count = 0
    for record in await tx.records.scan(SIGNING_KEYS.name):
        about, value = about_key(record.key), record.value
        try:
            pem = seal.close(seal.open(value["pem"], about), about)
        except Unsealable:
            if not lost:
                raise
            await tx.records.delete(SIGNING_KEYS.name, record.key)
            continue
        await tx.records.put(SIGNING_KEYS.name, record.key, {**value, "pem": pem}, expires=value["ends"])
        count += 1
    async for account in every(tx.records):
        if account.totp is None:
            continue
        about = about_factor(account.id)
        try:
            secret = seal.open(account.totp.secret, about)
        except Unsealable:
            if not lost:
                raise
            secret = pyotp.random_base32()
        await put(tx, replace(account, totp=replace(account.totp, secret=seal.close(secret, about))))
        count += 1
    return count
