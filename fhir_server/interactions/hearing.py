"""Who hears, in this process, of what was committed, before whoever wrote it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class Hearing:
    """The listeners of a tenant: each is called when resources of its type have been written."""

    def __init__(self) -> None:
        self._listeners: list[tuple[str, Callable[[], None]]] = []

    def listen(self, type: str, told: Callable[[], None]) -> None:
        """Have `told` called after every commit that has written to a resource of `type`."""
        self._listeners.append((type, told))

    def tell(self, types: Iterable[str]) -> None:
        """Tell whom it concerns that resources of these types were written; the commit is durable."""
        written = set(types)
        for type, told in self._listeners:
            if type in written:
                told()
