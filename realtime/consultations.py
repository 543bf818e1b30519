"""The topics `consultation:{appointment}`: rooms whose door the host keeps, and whose events it records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from realtime.bus.memory import Bus, Message
from realtime.channel import OK, Payload, Seat
from realtime.ports import Clock, Consultations, Refused
from realtime.ports import Message as Said
from realtime.room import SIGNALS, Room, Telling, told

P = TypeVar("P")
CHANGES = "consultations"
"""The topic where a host publishes `{"appointment": id}` when an Appointment has changed, with None for any of them."""


@dataclass(slots=True)
class _Open(Generic[P]):
    """A room that somebody of this process is in; what changes it goes one after the other."""

    room: Room
    seats: dict[str, Seat[P]]
    deaf: Callable[[], None]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    using: int = 0


class ConsultationChannel(Generic[P]):
    """The rooms of a tenant."""

    def __init__(self, consultations: Consultations[P], bus: Bus, now: Clock) -> None:
        self._consultations = consultations
        self._bus = bus
        self._now = now
        self._rooms: dict[str, _Open[P]] = {}
        self._files: dict[str, Any] = {}
        self._keeping: set[str] = set()
        self._looking: set[asyncio.Task[None]] = set()
        bus.subscribe(CHANGES, self._hear)

    @property
    def rooms(self) -> int:
        """How many rooms somebody is in."""
        return len(self._rooms)

    async def join(self, seat: Seat[P], payload: Payload) -> Payload:
        """See `Channel.join`: the answer says under which id and role one is there, and whether one waits."""
        open = self._opened(seat)
        open.using += 1
        try:
            async with open.turn:
                entrance = await self._consultations.enter(seat.member, seat.name)
                user, role = seat.member.account, entrance.role
                waits = entrance.waits and not open.room.knows(user)
                if not waits:
                    await self._begun(seat, open.room.users | {user: role})
                # From here to the answer nothing is awaited: no news may come before it, and none be lost.
                open.seats[seat.id] = seat
                self._files[seat.id] = entrance.file
                self._told(seat, kept=entrance.keeps)
                tellings = open.room.enter(seat.id, user, role, self._now() // 1_000_000, waits=waits)
                seat.after.append(lambda: self._tell(seat.topic, tellings))
                return {"user_id": user, "role": role, "waiting": waits, "chat_kept": entrance.keeps}
        finally:
            open.using -= 1
            self._forget(seat.topic, open)

    async def said(self, seat: Seat[P], event: str, payload: Payload) -> Payload:
        """See `Channel.said`."""
        open = self._rooms[seat.topic]
        room = open.room
        if event in SIGNALS:
            self._tell(seat.topic, room.signal(seat.id, event, payload))
        elif event == "media_toggle":
            self._tell(seat.topic, room.media(seat.id, payload))
        elif event == "chat_message":
            return await self._chat(seat, room, payload.get("message"))
        elif event == "admit":
            async with open.turn:
                tellings = room.admit(seat.id, payload.get("user_id"))
                await self._consultations.admitted(seat.member, seat.name, str(payload["user_id"]))
                self._tell(seat.topic, tellings)
                await self._begun(seat, room.users)
        elif event == "end_call":
            async with open.turn:
                tellings = room.end(seat.id)
                await self._consultations.end(seat.member, seat.name)
                self._tell(seat.topic, tellings)
        else:
            raise Refused("unmatched event")
        return OK

    async def leave(self, seat: Seat[P]) -> None:
        """See `Channel.leave`."""
        open = self._rooms[seat.topic]
        open.using += 1
        try:
            self._tell(seat.topic, open.room.leave(seat.id))
            open.seats.pop(seat.id, None)
            self._files.pop(seat.id, None)
            self._keeping.discard(seat.id)
            async with open.turn:
                await self._consultations.leave(seat.member, seat.name)
        finally:
            open.using -= 1
            self._forget(seat.topic, open)

    def _hear(self, message: Message) -> None:
        task = asyncio.get_running_loop().create_task(self._look(message["appointment"]))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _look(self, appointment: str | None) -> None:
        """Put out whoever may not stay in the rooms of that Appointment, or in any room."""
        seats = [seat for open in self._rooms.values() for seat in open.seats.values()]
        for seat in seats:
            if appointment in (None, seat.name) and not await self._consultations.stays(seat.member, seat.name):
                seat.put_out()
            elif appointment is None and seat.id in self._files:
                kept = await self._consultations.keeps(seat.member, self._files[seat.id])
                if kept != (seat.id in self._keeping):
                    self._told(seat, kept=kept)
                    seat.push("chat_kept", {"kept": kept})

    async def _chat(self, seat: Seat[P], room: Room, text: Any) -> Payload:
        """Tell all in the room; keep it where that is agreed, which only counts once the one who speaks was told so."""
        sent = datetime.fromtimestamp(self._now() / 1_000_000, UTC).isoformat(timespec="milliseconds")
        sent = sent.replace("+00:00", "Z")
        tellings, kept = room.chat(seat.id, text, sent), False
        if seat.id in self._keeping:
            message = Said(text, sent, room.users)
            kept = await self._consultations.keep(seat.member, self._files[seat.id], message)
        self._tell(seat.topic, tellings)
        return {"kept": kept}

    def _told(self, seat: Seat[P], *, kept: bool) -> None:
        """Remember what somebody was told of whether messages are kept."""
        if kept:
            self._keeping.add(seat.id)
        else:
            self._keeping.discard(seat.id)

    async def _begun(self, seat: Seat[P], users: Mapping[str, str]) -> None:
        if len(users) > 1 and "patient" in users.values():
            await self._consultations.begin(seat.member, seat.name, tuple(users))

    def _opened(self, seat: Seat[P]) -> _Open[P]:
        found = self._rooms.get(seat.topic)
        if found is None:
            seats: dict[str, Seat[P]] = {}
            deaf = self._bus.subscribe(seat.topic, lambda message: _pass_on(seats, message))
            found = self._rooms[seat.topic] = _Open(Room(), seats, deaf)
        return found

    def _forget(self, topic: str, open: _Open[P]) -> None:
        if not open.room and not open.using:
            open.deaf()
            self._rooms.pop(topic, None)

    def _tell(self, topic: str, tellings: Iterable[Telling]) -> None:
        for each in told(tellings):
            self._bus.publish(topic, {"to": each.to, "event": each.event, "payload": each.payload})


def _pass_on(seats: dict[str, Seat[P]], message: Message) -> None:
    for id in message["to"]:
        seat = seats.get(id)
        if seat is not None:
            seat.push(message["event"], message["payload"])
