"""The tables of this library, to be declared when the store is opened."""

from __future__ import annotations

from auth.ports import Table

ACCOUNTS = Table("account", unique=("email", "subject"), indexed=("role", "rpps"))
GRANTS = Table("grant", indexed=("account", "client"))
TOKENS = Table("token", indexed=("account", "grant"))
SIGNING_KEYS = Table("signing_key")
PASSKEYS = Table("passkey", indexed=("account",))
CLIENTS = Table("client")
ASSERTIONS = Table("assertion")
AUTHORIZATIONS = Table("authorization")
SCHEMES = Table("hash_scheme")
"""Schemes of hashes that accounts have brought along, by how these begin."""
EMERGENCIES = Table("emergency")
"""Who has broken the glass, for whom and why."""
TABLES = (ACCOUNTS, GRANTS, TOKENS, SIGNING_KEYS, PASSKEYS, CLIENTS, ASSERTIONS, AUTHORIZATIONS, SCHEMES, EMERGENCIES)
