"""Sockets of nobody: so many of one address, so many in all, and a place is free again once it is given back."""

from __future__ import annotations

from contextlib import ExitStack

from realtime.unbound import MANY, Unbound


def test_an_address_has_so_many_and_others_have_theirs() -> None:
    unbound = Unbound(2)
    with ExitStack() as one, ExitStack() as two:
        assert [unbound.enter("a", place) for place in (one, two, ExitStack())] == [True, True, False]
        assert unbound.enter("b", one)
        two.close()
        two.close()
        assert unbound.enter("a", two)
        assert not unbound.enter("a", ExitStack())
    with ExitStack() as again:
        assert [unbound.enter("a", again) for _ in range(3)] == [True, True, False]


def test_all_addresses_together_have_so_many() -> None:
    unbound = Unbound(1)
    with ExitStack() as places:
        assert all(unbound.enter(str(address), places) for address in range(MANY))
        assert not unbound.enter("another", ExitStack())
    assert unbound.enter("another", ExitStack())
