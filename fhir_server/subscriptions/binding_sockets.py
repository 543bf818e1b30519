"""The sockets that subscriptions are heard on: who is there, what they are bound to, and until when.

A socket lives with the grant behind it: it closes when that ends. It may be opened without a token, and then has a
moment to bind with one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import ExitStack
from typing import Any

from auth import bindings, tickets
from auth.admission import Admitted
from auth.auth import Auth
from auth.errors import Unauthenticated
from fhir_server.interactions.access import within
from fhir_server.interactions.call import UNKNOWN, Call, Principal
from fhir_server.interactions.subscribing.entry import Entry, entry_of
from fhir_server.interactions.subscribing.tables import TYPE
from fhir_server.store.base import Key
from fhir_server.subscriptions.feed import Feed, Gone, Sight
from realtime.attendance import Attendance, recall
from realtime.bucket import Bucket
from realtime.bus.base import Bus, End, Happening
from realtime.codes import BUSY, ENDED, NO_TEXT, POLICY, RESTARTS, TOO_LARGE
from realtime.limits import Limits
from realtime.ports import Member
from realtime.subscriptions.wire import LONGEST, BindWithToken, Misspelt, bound, decode, refused, topic_of
from realtime.unbound import Unbound

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Transmit = Callable[[Message], Awaitable[None]]

SECOND = 1_000_000
UNBOUND = 15.0
"""Seconds that a socket without a token has until it must have bound with one."""
SLOW = 20.0
"""Seconds that a client may take to read one message."""
NEVER = 1 << 62
Bound = Member[Principal]
"""On whose behalf a socket hears."""
NOT_YOURS = "there is no such subscription of yours on this channel, or your token does not reach what it tells of"


class BindingSockets:
    """All of them, of one process."""

    def __init__(self, sight: Sight, auth: Auth[Principal], bus: Bus, limits: Limits) -> None:
        self.sight = sight
        self.auth = auth
        self.bus = bus
        self.limits = limits
        self.attendance: Attendance[BindingSocket] = Attendance(limits.sockets)
        self.unbound = Unbound(limits.unbound)
        bus.watch(self._happened)

    async def serve(self, member: Bound | None, address: str, receive: Receive, transmit: Transmit) -> None:
        """Serve an accepted connection from an address, or from what stands for it, to its end."""
        with ExitStack() as place:
            socket = BindingSocket(self, member, place, transmit)
            if member is None and not self.unbound.enter(address, place):
                socket.close(POLICY, "too many sockets that are not bound")
            with self.attendance.present(socket):
                await socket.live(receive)

    def _happened(self, happening: Happening, worker: str) -> None:
        if happening == "back":
            # What other workers have said meanwhile was not heard.
            for socket in self.attendance:
                socket.hear()


def admitted(found: Admitted[Principal], ends: int) -> Bound | None:
    """Return on whose behalf a socket may hear, None for access in an emergency."""
    if found.grant.purpose is not None:
        return None
    principal = found.principal
    # Machines have no account.
    account = principal.account or principal.actor
    return Member(account, principal.role, found.grant.id, min(ends, found.grant.expires), principal)


async def bearer(auth: Auth[Principal], token: str) -> Bound | None:
    """Return on whose behalf an access token or a ticket lets a socket hear, None for one that does not count."""
    try:
        if "." in token:
            return admitted(await auth.admission.admit(token), int(auth.tokens.decode("access", token)["exp"]) * SECOND)
        redeemed = await tickets.redeem(auth.store, token)
        if redeemed is None:
            return None
        # A ticket is for who has signed in, whose tokens are never for less than the session.
        return admitted(await auth.admission.standing(*redeemed, None), redeemed[1])
    except Unauthenticated:
        return None


class BindingSocket:
    """One connection. `place` is the one that it has as long as it is not bound."""

    def __init__(self, hall: BindingSockets, member: Bound | None, place: ExitStack, transmit: Transmit) -> None:
        loop = asyncio.get_running_loop()
        self._hall = hall
        self.member = member
        self._place = place
        self._transmit = transmit
        self._loop = loop
        self._feeds: dict[str, tuple[Feed, End]] = {}
        self._bucket = Bucket(hall.limits.messages_a_second, hall.limits.burst, loop.time())
        self._speaking = asyncio.Lock()
        self._closing = asyncio.Event()
        self._code, self._reason = RESTARTS, ""
        self._timer: asyncio.TimerHandle | None = None

    def close(self, code: int, reason: str) -> None:
        """Close it."""
        if not self._closing.is_set():
            self._code, self._reason = code, reason
            self._closing.set()

    def hear(self) -> None:
        """See what there is of all that it is bound to."""
        for feed, _ in self._feeds.values():
            feed.hear()

    async def live(self, receive: Receive) -> None:
        """Serve the connection to its end."""
        self._time()
        reader = self._loop.create_task(self._read(receive))
        closing = self._loop.create_task(self._closing.wait())
        try:
            await asyncio.wait((reader, closing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            gone = not self._closing.is_set()
            for task in (reader, closing):
                task.cancel()
            await asyncio.wait((reader, closing))
            for feed, end in self._feeds.values():
                end()
                await feed.stop()
        if not gone:
            await self._hang_up()

    async def standing(self, member: Bound) -> Bound | None:
        """Return the member as of now; None when the grant or the account has ended."""
        return await self._standing(member.grant, member.principal.scopes, member.expires)

    def _time(self) -> None:
        """Set the clock: for binding, and then for the end of what it was bound by."""
        if self._timer is not None:
            self._timer.cancel()
        if self.member is None:
            self._timer = self._loop.call_later(UNBOUND, self.close, POLICY, "bind with a token")
            return
        left = (self.member.expires - self._hall.sight.services.now()) / SECOND
        self._timer = self._loop.call_later(max(left, 0), self.close, ENDED, "the access has ended")

    async def _read(self, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return
            text = message.get("text")
            if text is None:
                self.close(NO_TEXT, "messages are text")
            elif len(text) > LONGEST:
                self.close(TOO_LARGE, "the message is too large")
            elif not self._bucket.take(self._loop.time()):
                self.close(POLICY, "too many messages")
            else:
                try:
                    await self._take(text)
                except Gone:
                    return

    async def _take(self, text: str) -> None:
        try:
            said = decode(text)
        except Misspelt as wrong:
            await self._say(refused("message", str(wrong)))
            return
        if isinstance(said, BindWithToken):
            await self._bind_with_token(said.token)
        elif self.member is None:
            await self._say(refused(f"bind {said.id}", "this needs a token"))
        else:
            await self._bind(said.id, self.member)

    async def _bind(self, id: str, who: Bound) -> None:
        entry = await self._own(id, who)
        if entry is None:
            await self._say(refused(f"bind {id}", NOT_YOURS))
            return
        await self._say(bound(id))
        await self._follow(entry)

    async def _bind_with_token(self, token: str) -> None:
        found = await bindings.redeem(self._hall.auth.store, token)
        who = None if found is None else await self._standing(found.grant, found.scopes)
        if found is None or who is None:
            await self._say(refused("bind-with-token", "this needs a token that counts and was not used"))
            return
        if self.member is not None and self.member.account != who.account:
            self.close(POLICY, "one socket is for one owner")
            return
        self.member = who
        self._place.close()
        self._hall.attendance.count(self)
        self._time()
        # What was revoked since it was asked for was told of to nobody.
        await recall(self)
        for id in found.ids:
            entry = await self._own(id, who)
            if entry is not None:
                await self._follow(entry, greet=entry.asked.topic is not None)

    async def _standing(self, grant: str, scopes: Sequence[str], ends: int = NEVER) -> Bound | None:
        try:
            return admitted(await self._hall.auth.admission.standing(grant, ends, scopes), ends)
        except Unauthenticated:
            return None

    async def _own(self, id: str, who: Bound) -> Entry | None:
        """Return a subscription that is theirs to hear on sockets, None for every other one: nobody learns which."""
        services = self._hall.sight.services
        call = Call(services, who.principal, "socket", TYPE, id)
        if not who.principal.rights.may("read", TYPE):
            return None
        if await services.store.read(Key(TYPE, id), restriction=within(call, "read", TYPE)) is None:
            return None
        entry = await entry_of(services.store, id)
        if entry is None or entry.asked.channel != "websocket":
            return None
        return entry if entry.is_heard_by(who.principal, services.subscribing.topics) else None

    def _who(self) -> Principal:
        # Who is not there follows nothing.
        return UNKNOWN if self.member is None else self.member.principal

    async def _follow(self, entry: Entry, *, greet: bool = False) -> None:
        known = self._feeds.get(entry.id)
        feed = Feed(self._hall.sight, entry.id, self._who, self._say) if known is None else known[0]
        if greet:
            await feed.greet(entry)
        if known is None:
            end = self._hall.bus.subscribe(topic_of(entry.id), lambda message: feed.hear())
            self._feeds[entry.id] = feed, end
            await feed.begin(entry)

    async def _say(self, text: str) -> None:
        """Send a text. Who does not read it is put out, and nothing more is sent: raises Gone."""
        async with self._speaking:
            if self._closing.is_set():
                raise Gone
            try:
                async with asyncio.timeout(SLOW):
                    await self._transmit({"type": "websocket.send", "text": text})
            except (TimeoutError, OSError, RuntimeError):
                self.close(BUSY, "too slow")
                raise Gone from None

    async def _hang_up(self) -> None:
        try:
            async with asyncio.timeout(SLOW):
                await self._transmit({"type": "websocket.close", "code": self._code, "reason": self._reason})
        except (TimeoutError, OSError, RuntimeError):
            # It was gone before it was closed.
            return
