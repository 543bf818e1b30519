"""When work has taken too long."""

from __future__ import annotations

import pytest

from profiles import deadline
from profiles.deadline import Deadline


@pytest.mark.parametrize(
    ("passed", "worked", "over"),
    [(0.5, 0.5, False), (9.0, 0.5, False), (2.5, 2.5, True), (9.0, 2.5, True)],
)
def test_only_work_counts(passed: float, worked: float, over: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {"perf_counter": 100.0, "thread_time": 3.0}
    for name in clocks:
        monkeypatch.setattr(deadline, name, lambda name=name: clocks[name])
    ends = Deadline(2.0)
    clocks.update(perf_counter=100.0 + passed, thread_time=3.0 + worked)
    assert ends.is_over() is over
