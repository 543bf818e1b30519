"""Who a user is among the resources: the claim `fhirUser` (SMART App Launch 2.2)."""

from __future__ import annotations

from auth.accounts import TYPES, Account


def fhir_user(base: str, account: Account) -> str:
    """Return the address of the resource that the account's owner is; `base` is the FHIR base."""
    return f"{base}/{TYPES[account.role]}/{account.id}"
