"""Descriptions of refusals have only the characters that RFC 6749 lets them have."""

from __future__ import annotations

from auth.smart.errors import Refusal


def test_a_description_says_nothing_that_it_may_not_say() -> None:
    refusal = Refusal("invalid_scope", 'a"b\\c\r\nd é ' + "x" * 1000)
    assert refusal.description.startswith("a'b'c''d ' x")
    assert len(refusal.description) == 300
    assert str(refusal) == refusal.description
