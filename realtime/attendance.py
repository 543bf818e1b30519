"""Who is there: sockets that are open, of whatever protocol, and on whose behalf each of them is.

They are looked at again when something has changed of a grant or an account, and closed when the server stops.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

from realtime.codes import ENDED, FAULT, POLICY, RESTARTS
from realtime.ports import Member

log = logging.getLogger("realtime")


class Attending(Protocol):
    """A socket that is open. `member` is on whose behalf, None for somebody who has not said so yet."""

    member: Any

    async def standing(self, member: Any) -> Member[Any] | None:
        """Return the member as of now; None when the grant or the account has ended."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Close the socket."""
        ...


S = TypeVar("S", bound=Attending)


async def recall(socket: Attending) -> None:
    """Look whether the grant of who is there still stands, and close the socket if it does not."""
    while (known := socket.member) is not None:
        try:
            found = await socket.standing(known)
        except Exception as error:
            # Its text may quote what it failed on. Nobody stays because it could not be asked whether they may.
            log.error("whether the access of a socket still stands is not known", extra={"error": type(error).__name__})
            socket.close(FAULT, "come in again")
            return
        # Another token may have come meanwhile, whose grant is another one.
        if socket.member is known:
            break
    if known is None:
        return
    if found is None:
        socket.close(ENDED, "the access has ended")
    elif found != known:
        # What says the same again would be kept once more for each of thousands.
        socket.member = found


class Attendance(Generic[S]):
    """The sockets that are open: at most so many of one account."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: dict[S, asyncio.Task[None] | None] = {}
        self._counted: dict[S, str] = {}
        self._accounts: Counter[str] = Counter()
        self._recalls: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._tasks)

    def __iter__(self) -> Iterator[S]:
        """Return an iterator over those that are open now."""
        return iter(tuple(self._tasks))

    @contextmanager
    def present(self, socket: S) -> Iterator[None]:
        """Have a socket among them as long as the task of now serves it."""
        self._tasks[socket] = asyncio.current_task()
        self.count(socket)
        # What was revoked between the door and here was told of to nobody.
        self._look_at(socket)
        try:
            yield
        finally:
            del self._tasks[socket]
            account = self._counted.pop(socket, None)
            if account is not None:
                self._accounts[account] -= 1
                if not self._accounts[account]:
                    del self._accounts[account]

    def count(self, socket: S) -> None:
        """Count a socket for the account of its member, if there is one by now; one too many is closed."""
        if socket.member is None or socket in self._counted:
            return
        account = socket.member.account
        if self._accounts[account] >= self._most:
            socket.close(POLICY, "too many sockets")
        self._counted[socket] = account
        self._accounts[account] += 1

    def recall(self, grant: str | None = None, account: str | None = None) -> None:
        """Look again at who is there by that grant or account, because it has changed; at all when none is named."""
        for socket in self:
            member = socket.member
            if member is None or ((grant or account) and member.grant != grant and member.account != account):
                continue
            self._look_at(socket)

    def _look_at(self, socket: S) -> None:
        task = asyncio.get_running_loop().create_task(recall(socket))
        self._recalls.add(task)
        task.add_done_callback(self._recalls.discard)

    async def close(self) -> None:
        """Close all of them; clients come back by themselves."""
        tasks = [task for task in self._tasks.values() if task is not None]
        for socket in self:
            socket.close(RESTARTS, "the server stops")
        if tasks:
            await asyncio.wait(tasks, timeout=2.0)
