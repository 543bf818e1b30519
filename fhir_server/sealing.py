"""The file with the keys to the secrets in the store, and what it takes to change them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from auth.ports import Asker, Event
from auth.resealing import reseal
from auth.sealing import Seal, Unsealable, new_key, read_keys, write_keys
from fhir_server.accounts.desk import audit_row
from fhir_server.interactions.call import Services
from fhir_server.key_file import KeyUnusable, key_file, replace_key_file
from fhir_server.settings import Settings, SettingsError
from fhir_server.store.base import Transaction

WHAT = "file of secrets_key"


async def seal_of(settings: Settings) -> Seal:
    """Return what seals the secrets in the store. Raises SettingsError when its file cannot be used."""
    path = settings.secrets_key_path
    return Seal([new_key()] if path is None else await asyncio.to_thread(_keys, path))


async def seal_anew(settings: Settings, services: Services, by: str, asker: Asker, *, lost: bool = False) -> int:
    """Put a new key first in the file, seal all secrets with it, and return how many there are.

    The keys before stay in the file, for copies of the store that are older. With `lost`, secrets that none of them
    opens are given up. Raises SettingsError, Unsealable.
    """
    path = settings.secrets_key_path
    if path is None:
        raise SettingsError("A store in memory is sealed with a key of its own, which ends with it.")
    # First the file: whatever happens in between, it has the keys to all that is in the store.
    keys = [new_key(), *await asyncio.to_thread(_keys, path)]
    try:
        await asyncio.to_thread(replace_key_file, path, write_keys(keys).encode(), WHAT)
    except KeyUnusable as error:
        raise SettingsError(str(error)) from None

    async def work(tx: Transaction) -> int:
        count = await reseal(tx, Seal(keys), lost=lost)
        event = Event("seal-secrets", by, asker, details={"key": Seal(keys).name, "lost": lost})
        await tx.audit(audit_row(event, tx.time))
        return count

    return await services.store.write(work)


def not_opened(settings: Settings, why: Unsealable) -> SettingsError:
    """Return what to say when a secret in the store cannot be opened."""
    return SettingsError(
        f"{why} The keys are looked for in {settings.secrets_key_path} (secrets_key): put the file back that belongs "
        "to this store. If it is lost, `fhir-server keys seal --lost` gives up what it sealed."
    )


def _keys(path: Path) -> list[bytes]:
    try:
        return read_keys(key_file(path, lambda: write_keys([new_key()]).encode(), WHAT).decode())
    except KeyUnusable as error:
        raise SettingsError(str(error)) from None
    except ValueError as error:
        raise SettingsError(f"The {WHAT} {path} holds no keys that can be used: {error}.") from None
