"""Profiles are asked about what can be read."""

from __future__ import annotations

import pytest

from profiles.issues import Issue
from profiles.validation.prose.finding import LENIENT
from profiles.validation.readable import readable


@pytest.mark.parametrize(
    ("issue", "expected"),
    [
        (Issue("error", "structure", "x"), False),
        (Issue("error", "value", "x"), False),
        (Issue("warning", "value", "x"), True),
        (Issue("error", "required", "x"), True),
        (Issue("error", "value", "x", rule=LENIENT), True),
    ],
)
def test_errors_of_form_keep_profiles_silent(issue: Issue, expected: bool) -> None:
    assert readable([issue]) is expected
