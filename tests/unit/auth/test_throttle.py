"""Rates: counted per address, account and pair, and nobody locks anybody out."""

from __future__ import annotations

import pytest

from auth.errors import TooMany
from auth.throttle import RATES, Throttle


async def test_a_rate_is_kept_per_key_and_tells_when_to_come_back() -> None:
    throttle = Throttle(b"k")
    for _ in range(RATES["failure-pair"].amount):
        await throttle.hit("failure-pair", "ann", "here")
    with pytest.raises(TooMany) as caught:
        await throttle.hit("failure-pair", "ann", "here")
    assert 0 < caught.value.seconds <= RATES["failure-pair"].get_expiry()
    await throttle.hit("failure-pair", "ann", "there")
    await throttle.hit("failure-pair", "ben", "here")
    await throttle.forget("failure-pair", "ann", "here")
    await throttle.hit("failure-pair", "ann", "here")


async def test_demand_counts_nothing() -> None:
    throttle = Throttle(b"k")
    for _ in range(100):
        await throttle.demand("failure-pair", "ann", "here")
    for _ in range(RATES["failure-pair"].amount):
        await throttle.count("failure-pair", "ann", "here")
    with pytest.raises(TooMany):
        await throttle.demand("failure-pair", "ann", "here")


async def test_rates_can_be_widened() -> None:
    throttle = Throttle(b"k", 2)
    for _ in range(2 * RATES["failure-pair"].amount):
        await throttle.hit("failure-pair", "ann")
    with pytest.raises(TooMany):
        await throttle.hit("failure-pair", "ann")


def test_addresses_of_one_customer_are_one_and_are_not_kept_in_clear() -> None:
    throttle = Throttle(b"k")
    assert throttle.digest("2001:db8:1:2::1") == throttle.digest("2001:db8:1:2:ffff::9")
    assert throttle.digest("2001:db8:1:2::1") != throttle.digest("2001:db8:1:3::1")
    assert throttle.digest("::ffff:192.0.2.7") == throttle.digest("192.0.2.7")
    assert throttle.digest("192.0.2.7") != throttle.digest("192.0.2.8")
    assert throttle.digest("192.0.2.7") != Throttle(b"other").digest("192.0.2.7")
    assert "192" not in throttle.digest("192.0.2.7")
