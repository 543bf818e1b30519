"""A token bucket: some at once, so many in the long run."""

from __future__ import annotations

from realtime.bucket import Bucket


def test_some_at_once_and_then_as_the_rate_allows() -> None:
    bucket = Bucket(rate=2, most=3, now=10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(10.4) is False
    assert bucket.take(10.5) is True
    assert [bucket.take(99.0) for _ in range(4)] == [True, True, True, False]
