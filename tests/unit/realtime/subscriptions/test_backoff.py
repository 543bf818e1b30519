"""The pauses between tries."""

from __future__ import annotations

from realtime.subscriptions.backoff import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(first=0.5, longest=3.0)
    assert [backoff.wait(failures) for failures in (1, 2, 3, 4, 5, 10_000)] == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0]


def test_failures_are_an_error_and_then_enough() -> None:
    backoff = Backoff(errors=2, most=4)
    assert [(backoff.is_error(each), backoff.is_over(each)) for each in (1, 2, 3, 4)] == [
        (False, False),
        (True, False),
        (True, False),
        (True, True),
    ]
