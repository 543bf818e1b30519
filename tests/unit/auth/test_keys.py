"""Signing keys: made once, rotated with overlap, published without their private part."""

from __future__ import annotations

import asyncio

import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey
from joserfc.jwt import JWTClaimsRegistry

from auth.admission import Admission
from auth.assurance import ANY
from auth.errors import Unauthenticated
from auth.keys import AHEAD, BEHIND, REMEMBERED, Keys
from auth.tokens import Tokens
from tests.fakes.authority import BASE, SEAL, Authority, principal

SECOND = 1_000_000


async def test_the_first_key_is_made_once(authority: Authority) -> None:
    keys = authority.auth.keys
    assert keys.listed() == []
    made = await asyncio.gather(*(keys.signing() for _ in range(5)))
    assert len({key.kid for key in made}) == 1
    other = Keys(authority.store, authority.clock, SEAL)
    await other.learn()
    assert (await other.signing()).kid == made[0].kid


async def test_what_is_published_is_public(authority: Authority) -> None:
    key = await authority.auth.keys.signing()
    (jwk,) = authority.auth.keys.jwks()["keys"]
    assert jwk.keys() == {"kty", "use", "alg", "kid", "n", "e"}
    assert (jwk["kty"], jwk["use"], jwk["alg"], jwk["kid"]) == ("RSA", "sig", "RS256", key.kid)
    assert key.private.key_size == 2048


async def test_a_rotated_key_waits_until_everybody_has_it_and_the_old_one_until_its_tokens_end(
    authority: Authority,
) -> None:
    await authority.account()
    keys, clock = authority.auth.keys, authority.clock
    old = await keys.signing()
    fresh = await keys.rotate()
    assert [each["kid"] for each in keys.jwks()["keys"]] == [old.kid, fresh.kid]
    clock.advance(AHEAD / SECOND - 1)
    assert (await keys.signing()).kid == old.kid
    last = await authority.login()
    clock.advance(1)
    assert (await keys.signing()).kid == fresh.kid
    assert await authority.admits(last.access) == "Patient/ann"
    clock.advance(BEHIND / SECOND)
    assert [each["kid"] for each in keys.jwks()["keys"]] == [fresh.kid]
    assert keys.verifying(old.kid) is None
    again = Keys(authority.store, clock, SEAL)
    await again.learn()
    assert [key.kid for key in again.listed()] == [fresh.kid]


async def test_another_process_learns_of_a_rotation_within_seconds(authority: Authority) -> None:
    await authority.account()
    store, clock, keys = authority.store, authority.clock, authority.auth.keys
    old = await keys.signing()
    other = Keys(store, clock, SEAL)
    await other.learn()
    tokens = Tokens(other, BASE, BASE, clock)
    elsewhere = Admission(tokens, lambda: store.records, clock, principal, ANY)
    fresh = await keys.rotate()
    assert [key.kid for key in other.listed()] == [old.kid], "not asked yet"
    clock.advance(AHEAD / SECOND)
    signed = await authority.login()
    assert (await elsewhere.admit(signed.access)).principal == "Patient/ann"
    assert (await other.signing()).kid == fresh.kid
    clock.advance(BEHIND / SECOND)
    await other.renew()
    assert other.verifying(old.kid) is None


async def test_keys_that_tokens_name_are_looked_for_no_more_often_than_that(authority: Authority) -> None:
    await authority.auth.keys.signing()
    other = Keys(authority.store, authority.clock, SEAL)
    await other.learn()
    fresh = await authority.auth.keys.rotate()
    authority.clock.advance(REMEMBERED / SECOND - 1)
    await other.renew()
    assert other.verifying(fresh.kid) is None
    authority.clock.advance(1)
    await other.renew()
    assert other.verifying(fresh.kid) is not None


async def test_rotating_twice_ends_each_key_once(authority: Authority) -> None:
    keys = authority.auth.keys
    await keys.signing()
    second = await keys.rotate()
    authority.clock.advance(60)
    third = await keys.rotate()
    assert keys.verifying(second.kid).ends == third.starts + BEHIND  # type: ignore[union-attr]
    assert third.ends is None


@pytest.mark.parametrize(
    "kid", ["../../dev/null", "' OR 1=1", "https://evil.example/jwks", "x" * 10_000, None, 7, ["a"]]
)
async def test_a_key_id_is_looked_up_and_nothing_else(authority: Authority, kid: object) -> None:
    await authority.auth.keys.signing()
    assert authority.auth.keys.verifying(kid) is None


async def test_another_tenant_s_tokens_are_not_ours(authority: Authority) -> None:
    await authority.account()
    signed = await authority.login()
    Tokens(authority.auth.keys, BASE, BASE, authority.clock).decode("access", signed.access)
    for issuer, audience in ((f"{BASE}/", BASE), (BASE, f"{BASE}/"), ("http://other", BASE), (BASE, "http://other")):
        with pytest.raises(Unauthenticated):
            Tokens(authority.auth.keys, issuer, audience, authority.clock).decode("access", signed.access)


async def test_another_library_reads_our_tokens_by_what_we_publish(authority: Authority) -> None:
    await authority.account()
    signed = await authority.login()
    keys = KeySet.import_key_set(authority.auth.keys.jwks())
    read = joserfc_jwt.decode(signed.access, keys, algorithms=["RS256"])
    assert read.header["typ"] == "at+jwt"
    needed = {name: {"essential": True} for name in ("exp", "iat", "jti", "sid", "client_id")}
    named = {"iss": {"essential": True, "value": BASE}, "aud": {"essential": True, "value": BASE}}
    now = authority.clock() // SECOND
    JWTClaimsRegistry(now=now, **named, **needed).validate(read.claims)
    foreign = KeySet.import_key_set({"keys": [RSAKey.generate_key(2048, {"kid": keys.keys[0].kid}).as_dict()]})
    with pytest.raises(JoseError):
        joserfc_jwt.decode(signed.access, foreign, algorithms=["RS256"])
