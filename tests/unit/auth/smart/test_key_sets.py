"""Keys that apps publish: fetched, kept as long as they may be, and looked for again at most once a minute."""

from __future__ import annotations

import json

import pytest

from auth.clients import Client
from auth.smart.errors import InvalidClient
from auth.smart.key_sets import KeySets
from fhir_server.fetching import Fetched
from tests.fakes.apps import KEY, KEYS_URL, Web
from tests.fakes.clock import Clock

CLIENT = Client("c", "C", "private_key_jwt", ("client_credentials",), keys_url=KEYS_URL)
OTHER = {**KEY, "kid": "k2"}


def published(*keys: dict[str, object], said: str | None = None, status: int = 200) -> Fetched:
    headers = {} if said is None else {"cache-control": said}
    return Fetched(status, headers, json.dumps({"keys": list(keys)}).encode())


def sets(answer: Fetched | None) -> tuple[KeySets, Web, Clock]:
    web, clock = Web({KEYS_URL: answer}), Clock()
    return KeySets(web.fetch, clock), web, clock


async def test_inline_keys_need_nobody() -> None:
    found, web, _ = sets(None)
    inline = Client("c", "C", "private_key_jwt", ("client_credentials",), keys=(KEY,))
    assert await found.keys_of(inline, "k1") == (KEY,)
    assert web.asked == []


@pytest.mark.parametrize(("said", "life"), [("max-age=120", 120), ("public, max-age=30", 30), (None, 60)])
async def test_keys_are_kept_as_long_as_their_server_says(said: str | None, life: int) -> None:
    found, web, clock = sets(published(KEY, said=said))
    await found.keys_of(CLIENT, "k1")
    clock.advance(life - 1)
    await found.keys_of(CLIENT, "k1")
    assert len(web.asked) == 1
    clock.advance(2)
    await found.keys_of(CLIENT, "k1")
    assert len(web.asked) == 2


@pytest.mark.parametrize("said", ["no-store", "no-cache", "private, no-store"])
async def test_keys_that_may_not_be_kept_are_not(said: str) -> None:
    found, web, _ = sets(published(KEY, said=said))
    await found.keys_of(CLIENT, "k1")
    await found.keys_of(CLIENT, "k1")
    assert len(web.asked) == 2


async def test_keys_are_kept_an_hour_at_most() -> None:
    found, web, clock = sets(published(KEY, said="max-age=999999"))
    await found.keys_of(CLIENT, "k1")
    clock.advance(3601)
    await found.keys_of(CLIENT, "k1")
    assert len(web.asked) == 2


async def test_an_unknown_key_is_looked_for_once_a_minute() -> None:
    found, web, clock = sets(published(KEY, said="max-age=3600"))
    for _ in range(5):
        assert await found.keys_of(CLIENT, "k2") == (KEY,)
    assert len(web.asked) == 1
    web.answers[KEYS_URL] = published(KEY, OTHER, said="max-age=3600")
    clock.advance(61)
    assert await found.keys_of(CLIENT, "k2") == (KEY, OTHER)
    assert len(web.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [None, published(KEY, status=404), Fetched(200, {}, b"<html>"), Fetched(200, {}, b"[" * 100_000), published()],
)
async def test_an_answer_without_keys_proves_nobody(answer: Fetched | None) -> None:
    found, _, _ = sets(answer)
    with pytest.raises(InvalidClient, match="could not be had"):
        await found.keys_of(CLIENT, "k1")


async def test_an_address_that_fails_is_not_asked_without_end() -> None:
    found, web, clock = sets(None)
    for _ in range(4):
        with pytest.raises(InvalidClient):
            await found.keys_of(CLIENT, "k1")
    assert len(web.asked) == 1
    clock.advance(61)
    web.answers[KEYS_URL] = published(KEY)
    assert await found.keys_of(CLIENT, "k1") == (KEY,)
