"""The topics `consultation:{appointment}`: rooms whose door the host keeps, and whose events it records."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from realtime.bus.base import Bus, Happening, Message
from realtime.channel import OK, Payload, Seat
from realtime.meeting import Meeting
from realtime.ports import Clock, Consultations, Refused
from realtime.ports import Message as Said
from realtime.room import SIGNALS

P = TypeVar("P")
CHANGES = "consultations"
"""The topic where a host publishes `{"appointment": id}` when an Appointment has changed, with None for any of them."""

ROOMS = "rooms"
"""The topic where workers tell which rooms they are in, when somebody may have missed that they have left one."""

AGAIN = 0.5
"""Seconds until it is asked again who may stay, when that could not be told."""

log = logging.getLogger("realtime")


class ConsultationChannel(Generic[P]):
    """The rooms of a tenant."""

    def __init__(self, consultations: Consultations[P], bus: Bus, now: Clock) -> None:
        self._consultations = consultations
        self._bus = bus
        self._now = now
        self._rooms: dict[str, Meeting[P]] = {}
        self._numbers = itertools.count(1)
        self._files: dict[str, Any] = {}
        self._keeping: set[str] = set()
        self._doing: set[asyncio.Task[None]] = set()
        bus.subscribe(CHANGES, self._hear)
        bus.subscribe(ROOMS, self._hear_rooms)
        bus.watch(self._others)

    @property
    def rooms(self) -> int:
        """How many rooms somebody of this worker is in."""
        return len(self._rooms)

    async def join(self, seat: Seat[P], payload: Payload) -> Payload:
        """See `Channel.join`: the answer says under which id and role one is there, and whether one waits."""
        meeting = self._met(seat.topic)
        meeting.using += 1
        try:
            async with meeting.turn:
                entrance = await self._consultations.enter(seat.member, seat.name)
                await meeting.open()
                user, role = seat.member.account, entrance.role
                waits = entrance.waits and not meeting.room.knows(user)
                if not waits:
                    await self._begun(seat, meeting.room.users | {user: role})
                # From here to the answer nothing is awaited: no news may come before it, and none be lost.
                meeting.seats[seat.id] = seat
                self._files[seat.id] = entrance.file
                self._told(seat, kept=entrance.keeps)
                tellings = meeting.room.enter(seat.id, user, role, self._now() // 1_000_000, waits=waits)
                seat.after.append(lambda: meeting.tell(tellings))
                return {"user_id": user, "role": role, "waiting": waits, "chat_kept": entrance.keeps}
        finally:
            meeting.using -= 1
            self._forget(meeting)

    async def said(self, seat: Seat[P], event: str, payload: Payload) -> Payload:
        """See `Channel.said`."""
        meeting = self._rooms[seat.topic]
        room = meeting.room
        if event in SIGNALS:
            tellings = room.signal(seat.id, event, payload)
            meeting.demand_reached(tellings)
            meeting.tell(tellings)
        elif event == "media_toggle":
            meeting.tell(room.media(seat.id, payload))
        elif event == "chat_message":
            return await self._chat(seat, meeting, payload.get("message"))
        elif event == "admit":
            async with meeting.turn:
                await self._admit(seat, meeting, payload.get("user_id"))
        elif event == "end_call":
            async with meeting.turn:
                tellings = room.end(seat.id)
                await self._consultations.end(seat.member, seat.name)
                meeting.tell(tellings)
        else:
            raise Refused("unmatched event")
        return OK

    async def leave(self, seat: Seat[P]) -> None:
        """See `Channel.leave`."""
        meeting = self._rooms[seat.topic]
        meeting.using += 1
        try:
            meeting.tell(meeting.room.leave(seat.id))
            meeting.seats.pop(seat.id, None)
            file = self._files.pop(seat.id, None)
            self._keeping.discard(seat.id)
            async with meeting.turn:
                await self._consultations.leave(seat.member, seat.name, file)
        finally:
            meeting.using -= 1
            self._forget(meeting)

    def _hear(self, message: Message) -> None:
        self._do(self._look(message["appointment"]))

    async def _look(self, appointment: str | None) -> None:
        """Put out whoever may not stay in the rooms of that Appointment, or in any room."""
        seats = [seat for meeting in self._rooms.values() for seat in meeting.seats.values()]
        seats = [seat for seat in seats if appointment in (None, seat.name)]
        while True:
            seats = [seat for seat in seats if not await self._looked_at(seat, consents=appointment is None)]
            if not seats:
                return
            # A change is told of once, and nobody stays in a room because the store was away at that moment.
            await asyncio.sleep(AGAIN)

    async def _looked_at(self, seat: Seat[P], *, consents: bool) -> bool:
        """Put somebody out who may not stay, or tell them whether messages are kept; return whether it was known."""
        try:
            # Somebody may leave at each step.
            if seat.id in self._files and not await self._consultations.stays(seat.member, seat.name):
                seat.put_out()
            elif consents and seat.id in self._files:
                kept = await self._consultations.keeps(seat.member, self._files[seat.id])
                if seat.id in self._files and kept != (seat.id in self._keeping):
                    self._told(seat, kept=kept)
                    seat.push("chat_kept", {"kept": kept})
        except Exception as error:
            # Its text may quote what it failed on.
            log.error("who may stay in a room is not known", extra={"error": type(error).__name__})
            return False
        return True

    async def _admit(self, seat: Seat[P], meeting: Meeting[P], asked: Any) -> None:
        """Let in who waits."""
        try:
            user = meeting.room.demand_waiting(seat.id, asked)
        except Refused:
            await self._consultations.not_admitted(seat.member, seat.name, self._files[seat.id])
            raise
        await self._consultations.admitted(seat.member, seat.name, user)
        # Admitted and told of without a pause, so that nobody hears of it after they have left again.
        meeting.tell(meeting.room.admit(seat.id, user))
        await self._begun(seat, meeting.room.users)

    async def _chat(self, seat: Seat[P], meeting: Meeting[P], text: Any) -> Payload:
        """Tell all in the room; keep it where that is agreed, which only counts once the one who speaks was told so."""
        sent = datetime.fromtimestamp(self._now() / 1_000_000, UTC).isoformat(timespec="milliseconds")
        sent = sent.replace("+00:00", "Z")
        tellings, kept = meeting.room.chat(seat.id, text, sent), False
        meeting.demand_reached(tellings)
        if seat.id in self._keeping:
            message = Said(text, sent, meeting.room.users)
            kept = await self._consultations.keep(seat.member, self._files[seat.id], message)
        meeting.tell(tellings)
        return {"kept": kept}

    def _told(self, seat: Seat[P], *, kept: bool) -> None:
        """Remember what somebody was told of whether messages are kept."""
        if kept:
            self._keeping.add(seat.id)
        else:
            self._keeping.discard(seat.id)

    def _others(self, happening: Happening, worker: str) -> None:
        """Follow what happens to other workers: what one has missed of the other is asked for, and told, again."""
        if happening == "lost":
            for meeting in tuple(self._rooms.values()):
                meeting.lose(worker)
        elif happening in ("found", "back"):
            # That a room was left may have been missed, too, and nobody is there to be asked.
            self._tell_rooms(asks=True)
            for meeting in tuple(self._rooms.values()):
                meeting.ask()

    def _tell_rooms(self, *, asks: bool) -> None:
        self._bus.publish(ROOMS, {"worker": self._bus.worker, "topics": list(self._rooms), "asks": asks})

    def _hear_rooms(self, message: Message) -> None:
        """Follow in which rooms another worker has somebody, and in no others; answer if it `asks` the same."""
        if message["worker"] == self._bus.worker:
            return
        for topic in self._rooms.keys() - set(message["topics"]):
            self._rooms[topic].lose(message["worker"])
        if message["asks"]:
            self._tell_rooms(asks=False)

    def _changed(self, meeting: Meeting[P]) -> None:
        self._do(self._begun_elsewhere(meeting))

    async def _begun_elsewhere(self, meeting: Meeting[P]) -> None:
        """Keep that both sides are there, when the second one has come to another worker, or was admitted there."""
        inside = (meeting.seats[id] for id, each in meeting.room.here.items() if not each.waits and id in meeting.seats)
        seat = next(inside, None)
        if seat is None:
            return
        try:
            async with meeting.turn:
                await self._begun(seat, meeting.room.users)
        except Refused:
            log.info("somebody may not begin a consultation any more", extra={"kind": "consultation"})
        except Exception as error:
            # Its text may quote what it failed on.
            log.error("a consultation could not begin", extra={"error": type(error).__name__})

    async def _begun(self, seat: Seat[P], users: Mapping[str, str]) -> None:
        if len(users) > 1 and "patient" in users.values():
            await self._consultations.begin(seat.member, seat.name, tuple(users))

    def _met(self, topic: str) -> Meeting[P]:
        found = self._rooms.get(topic)
        if found is None:
            found = self._rooms[topic] = Meeting(topic, self._bus, self._numbers, self._changed)
        return found

    def _forget(self, meeting: Meeting[P]) -> None:
        if not meeting.room and not meeting.using:
            meeting.close()
            self._rooms.pop(meeting.topic, None)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)
