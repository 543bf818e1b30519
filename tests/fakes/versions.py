"""Versions to put, and the shortest way to put them."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.search.query import Node, Token
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, Method, NewVersion, Store, Transaction, Version
from profiles.restriction import ALL

RED = ("https://example.org/labels", "red")


def criteria(type: str, parameters: Sequence[tuple[str, str]]) -> Node:
    """Read restrictions' parameters: each is a token of any system."""
    ((name, value),) = parameters
    return Token(name, None, value)


def new(
    key: Key,
    number: int,
    *,
    method: Method = "PUT",
    author: str = "alice",
    text: str = "",
    owners: Sequence[Key] = (),
    labels: Sequence[tuple[str, str]] = (),
    subjects: Sequence[Key] | None = None,
) -> NewVersion:
    """Return a version whose body names its number and `text`; a DELETE has none. It is about all its `owners`."""
    body = b"" if method == "DELETE" else f'{{"id":"{key.id}","n":{number},"text":"{text}"}}'.encode()
    about = owners if subjects is None else subjects
    return NewVersion(key, number, method, author, body, owners, labels, subjects=about)


def coded(code: str) -> IndexEntries:
    """Return entries that are found by the token `code`."""
    return IndexEntries(tokens=[("code", "https://example.org/codes", code, 0)])


NO_ENTRIES = IndexEntries()


async def follow(
    tx: Transaction, key: Key, *, method: Method = "PUT", code: str = "a", author: str = "alice", text: str = ""
) -> Version:
    """Put the version after the current one, found by `code`, with the owners and labels of before."""
    current = await tx.read(key, restriction=ALL)
    number = current.number if current else 0
    owners = await tx.owners(key, number, restriction=ALL)
    labels = await tx.labels(key, number, restriction=ALL)
    about = await tx.subjects(key, number, restriction=ALL)
    version = new(
        key, number + 1, method=method, author=author, text=text, owners=owners, labels=labels, subjects=about
    )
    return await tx.put(version, NO_ENTRIES if method == "DELETE" else coded(code))


async def put(store: Store, version: NewVersion, entries: IndexEntries = NO_ENTRIES) -> Version:
    """Put one version in a transaction of its own."""
    return await store.write(lambda tx: tx.put(version, entries))


async def update(store: Store, key: Key, *, code: str = "a", author: str = "alice", text: str = "") -> Version:
    """Put the next version of `key` in a transaction of its own."""
    return await store.write(lambda tx: follow(tx, key, code=code, author=author, text=text))


async def delete(store: Store, key: Key) -> Version:
    """Put a tombstone in a transaction of its own."""
    return await store.write(lambda tx: follow(tx, key, method="DELETE"))
