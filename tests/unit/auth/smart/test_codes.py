"""Authorization codes: what fits a challenge, how long they live, and that their use is remembered."""

from __future__ import annotations

import pytest

from auth.smart import codes
from auth.smart.codes import Code
from tests.fakes.apps import CALLBACK, VERIFIER, Apps

# The challenge of RFC 7636, appendix B.
CODE = Code("app", CALLBACK, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "openid", "ann", "s1", 1, amr=("pwd",))


@pytest.mark.parametrize(
    ("verifier", "fits"),
    [
        (VERIFIER, True),
        (VERIFIER[:-1], False),
        (VERIFIER[:-1] + "K", False),
        (f"{VERIFIER}=", False),
        ("x" * 129, False),
        ("", False),
        (CODE.challenge, False),
    ],
)
def test_a_verifier_fits_its_challenge(verifier: str, fits: bool) -> None:
    assert CODE.fits(verifier) is fits


async def test_a_code_lives_a_minute(apps: Apps) -> None:
    store = apps.authority.store
    secret = await store.write(lambda tx: codes.issue(tx, CODE))
    found = await codes.find(store.records, secret)
    assert found is not None
    assert (found[1], found[0].used) == (CODE, 0)
    apps.authority.clock.advance(61)
    assert await codes.find(store.records, secret) is None


async def test_the_use_of_a_code_is_remembered_for_a_day(apps: Apps) -> None:
    store, clock = apps.authority.store, apps.authority.clock
    secret = await store.write(lambda tx: codes.issue(tx, CODE))
    found = await codes.find(store.records, secret)
    assert found is not None
    await store.write(lambda tx: codes.use(tx, found[0], "g1"))
    clock.advance(23 * 3600)
    again = await codes.find(store.records, secret)
    assert again is not None
    assert (again[0].used > 0, again[0].grant) == (True, "g1")
