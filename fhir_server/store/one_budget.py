"""What the queries of one request have taken together, so that they share one budget however many they are.

A store counts here what it spends; what a budget is, is for the store. Outside of `one_budget` each query stands for
itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Spent:
    """Seconds spent on running queries, and on glances at what there is while planning them."""

    running: float = 0.0
    glancing: float = 0.0


_SPENT: ContextVar[Spent | None] = ContextVar("fhir_store_spent", default=None)


@contextmanager
def one_budget() -> Iterator[Spent]:
    """Let all queries until the end share what they spend; inside of another one, with that one's."""
    outer = _SPENT.get()
    if outer is not None:
        yield outer
        return
    token = _SPENT.set(Spent())
    try:
        yield spent()
    finally:
        _SPENT.reset(token)


def spent() -> Spent:
    """Return what has been spent so far: nothing outside of `one_budget`."""
    return _SPENT.get() or Spent()


def within_one_budget(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let all queries of a call of `method` share what they spend."""

    # This is the road of every search: a context manager made by a generator would cost more than what it does.
    @wraps(method)
    async def within(*args: P.args, **kwargs: P.kwargs) -> T:
        if _SPENT.get() is not None:
            return await method(*args, **kwargs)
        token = _SPENT.set(Spent())
        try:
            return await method(*args, **kwargs)
        finally:
            _SPENT.reset(token)

    return within
