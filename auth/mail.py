"""Letters on their way: an outbox that does not keep anybody waiting, SMTP, and a mailbox for development that prints.

A letter is tried a few times, then given up and told to the host. What waits is in memory: after a crash the user asks
again. Whether there is a letter at all may be found out in the outbox, so that the time of an answer does not tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Literal

from auth.ports import Letter

Deliver = Callable[[Letter], Awaitable[None]]
Make = Callable[[], Awaitable[Letter | None]]
Security = Literal["none", "starttls", "tls"]
ROOM = 1000
TRIES = 4
PAUSE = 2.0
"""Seconds before the second try; each further one waits twice as long."""
SECONDS = 20.0
"""How long a mail server may take."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where letters are handed in, and whom they are from."""

    host: str
    port: int
    sender: str
    security: Security = "starttls"
    user: str = ""
    password: str = ""


class Outbox:
    """Delivers letters one after the other, beside everything else. `lost` is told why a letter was given up."""

    def __init__(self, deliver: Deliver, lost: Callable[[str], None], *, pause: float = PAUSE) -> None:
        self._deliver = deliver
        self._lost = lost
        self._pause = pause
        self._waiting: asyncio.Queue[Make] = asyncio.Queue(ROOM)
        self._task: asyncio.Task[None] | None = None

    async def send(self, letter: Letter) -> None:
        """Take a letter over; one to nobody goes nowhere."""
        if not letter.to:
            return

        async def made() -> Letter:
            return letter

        self.later(made)

    def later(self, make: Make) -> None:
        """Take over to find out whether there is a letter, and to deliver it."""
        try:
            self._waiting.put_nowait(make)
        except asyncio.QueueFull:
            self._lost("too many letters wait")
            return
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="auth-outbox")

    async def settle(self) -> None:
        """Wait until nothing waits."""
        await self._waiting.join()

    async def close(self, seconds: float = 5.0) -> None:
        """Deliver what waits, for so long, and stop."""
        if self._task is None:
            return
        try:
            await asyncio.wait_for(self.settle(), seconds)
        except TimeoutError:
            self._lost(f"{self._waiting.qsize() + 1} letters were not delivered before the end")
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            make = await self._waiting.get()
            try:
                letter = await make()
                if letter is not None:
                    await self._try(letter)
            except Exception as error:
                # One letter must not stop the others, whatever is wrong with it; its text may name people.
                self._lost(type(error).__name__)
            finally:
                self._waiting.task_done()

    async def _try(self, letter: Letter) -> None:
        for attempt in range(TRIES):
            try:
                await self._deliver(letter)
            except Exception:
                if attempt == TRIES - 1:
                    raise
                await asyncio.sleep(self._pause * 2**attempt)
            else:
                return


def by_smtp(server: MailServer) -> Deliver:
    """Return what delivers to a mail server."""

    async def deliver(letter: Letter) -> None:
        import aiosmtplib

        await aiosmtplib.send(
            message(letter, server.sender),
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            timeout=SECONDS,
        )

    return deliver


def by_printing(write: Callable[[str], object]) -> Deliver:
    """Return a mailbox for development: letters are written out, with the secrets that are in them."""

    async def deliver(letter: Letter) -> None:
        write(f"\n--- letter to {letter.to} ---\n{letter.subject}\n\n{letter.text}\n---\n")

    return deliver


def message(letter: Letter, sender: str) -> EmailMessage:
    """Return a letter as an e-mail."""
    made = EmailMessage()
    made["From"] = sender
    made["To"] = letter.to
    made["Subject"] = letter.subject
    made["Date"] = formatdate()
    made["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].rstrip(">") or "localhost")
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(letter.text)
    return made
