"""From an address to a bus."""

from __future__ import annotations

import pytest

from realtime.bus.connect import BadAddress, connect
from realtime.bus.memory import MemoryBus


def test_without_an_address_a_worker_is_alone() -> None:
    assert isinstance(connect("", "test"), MemoryBus)


@pytest.mark.parametrize("address", ["localhost:6379", "http://x", "memory:", "redis://:secret@host:notaport"])
def test_what_is_no_address_is_refused_without_telling_it(address: str) -> None:
    with pytest.raises(BadAddress) as caught:
        connect(address, "test")
    assert "secret" not in str(caught.value)
    assert "redis://" in str(caught.value), "the way out is named"


@pytest.mark.parametrize("address", ["redis://:p@host:6379/1", "rediss://u:p@host", "unix:///run/redis.sock"])
def test_an_address_of_redis_is_taken_before_it_is_there(address: str) -> None:
    bus = connect(address, "test")
    assert bus.away
    assert len(bus.worker) == 32
