"""Who a client of the token endpoint is: by itself, by a secret, or by a signed assertion (RFC 6749 2.3, RFC 7523).

It proves itself by the one method that it is registered for. An assertion counts once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Collection, Mapping
from urllib.parse import unquote_plus

from auth.clients import Client, Method
from auth.ports import Clock, Store, Transaction
from auth.smart.assertion import TYPE, Assertion, claimed_client, read_header, verify
from auth.smart.errors import InvalidClient, Refusal
from auth.smart.key_sets import KeySets
from auth.smart.registry import Registry, has_secret
from auth.tables import ASSERTIONS

SECOND = 1_000_000


class ClientAuthentication:
    """Recognises a tenant's clients. `audiences` are what an assertion may be addressed to."""

    def __init__(
        self, store: Store, registry: Registry, key_sets: KeySets, audiences: Collection[str], now: Clock
    ) -> None:
        self._store = store
        self._registry = registry
        self._key_sets = key_sets
        self._audiences = audiences
        self._now = now

    async def authenticate(self, said: Mapping[str, str], authorization: str | None) -> Client:
        """Return the client that sent the form `said` and that header. Raises InvalidClient, Refusal."""
        ways = [authorization is not None, "client_secret" in said, "client_assertion" in said]
        if sum(ways) > 1:
            raise Refusal("invalid_request", "The client proves who it is in more than one way.")
        if authorization is not None:
            return await self._by_basic(said, authorization)
        if "client_assertion" in said:
            return await self._by_assertion(said)
        client = await self._named(said.get("client_id"))
        if "client_secret" in said:
            return _demand(client, "client_secret_post", has_secret(client, said["client_secret"]))
        return _demand(client, "none", True)

    async def _by_basic(self, said: Mapping[str, str], authorization: str) -> Client:
        id, secret = _basic(authorization)
        client = await self._named(id)
        if said.get("client_id", id) != id:
            raise InvalidClient("client_id and the Authorization header name different clients.", basic=True)
        return _demand(client, "client_secret_basic", has_secret(client, secret))

    async def _by_assertion(self, said: Mapping[str, str]) -> Client:
        if said.get("client_assertion_type") != TYPE:
            raise InvalidClient(f"client_assertion_type must be {TYPE}.")
        assertion = said["client_assertion"]
        id = claimed_client(assertion)
        if said.get("client_id", id) != id:
            raise InvalidClient("client_id and the assertion name different clients.")
        client = _demand(await self._named(id), "private_key_jwt", True)
        header = read_header(assertion)
        if header.keys_url is not None and header.keys_url != client.keys_url:
            raise InvalidClient("The assertion's jku is not the jwks_uri that the client is registered with.")
        keys = await self._key_sets.keys_of(client, header.kid)
        found = verify(assertion, keys, client.id, self._audiences, self._now() // SECOND)
        await self._count_once(found)
        return client

    async def _named(self, id: str | None) -> Client | None:
        found = await self._registry.client(self._store.records, id) if id else None
        return None if found is None or found.disabled else found

    async def _count_once(self, assertion: Assertion) -> None:
        key = hashlib.sha256(f"{len(assertion.client)} {assertion.client} {assertion.jti}".encode()).hexdigest()

        async def work(tx: Transaction) -> bool:
            if await tx.records.get(ASSERTIONS.name, key) is not None:
                return False
            await tx.records.put(ASSERTIONS.name, key, {}, expires=(assertion.expires + 1) * SECOND)
            return True

        if not await self._store.write(work):
            raise InvalidClient("The assertion was used before: every request needs one with a jti of its own.")


def _demand(client: Client | None, method: Method, proved: bool) -> Client:
    """Return the client, if it is registered for that method and has proved who it is."""
    if client is None or client.method != method or not proved:
        basic = method == "client_secret_basic"
        raise InvalidClient("The client is unknown, or did not prove who it is as it is registered to.", basic=basic)
    return client


def _basic(authorization: str) -> tuple[str, str]:
    """Return id and secret of an `Authorization: Basic` header, in which both are form-encoded (RFC 6749, 2.3.1)."""
    scheme, _, credentials = authorization.partition(" ")
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
        id, colon, secret = text.partition(":")
        if scheme.lower() == "basic" and colon:
            return unquote_plus(id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError):
        pass
    raise InvalidClient("The Authorization header must be Basic, with client_id and client_secret.", basic=True)
