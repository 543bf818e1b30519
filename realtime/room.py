"""A consultation room, pure: who is in it and who waits, and who is told what when something happens.

A user may sit there with several sockets (seats): two tabs are one person. What a room answers are `Telling`s: events
for seats, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from realtime.ports import Refused

Payload = Mapping[str, Any]
SIGNALS = {"webrtc_offer": "offer", "webrtc_answer": "answer", "webrtc_ice_candidate": "candidate"}
"""Events of WebRTC's signalling, and the one thing that each carries."""
LONGEST = 4_000
"""Characters of a chat message."""


@dataclass(frozen=True, slots=True)
class Telling:
    """An event for some seats."""

    to: tuple[str, ...]
    event: str
    payload: Payload


@dataclass(slots=True)
class Sitting:
    """One seat: whose, since when (seconds since 1970), whether its user still waits, and what they send."""

    user: str
    role: str
    since: int
    waits: bool
    media: dict[str, bool] = field(default_factory=lambda: {"audio": True, "video": True})


class Room:
    """One room."""

    def __init__(self) -> None:
        self._seats: dict[str, Sitting] = {}
        self._admitted: set[str] = set()

    def __len__(self) -> int:
        """Return how many seats are taken."""
        return len(self._seats)

    @property
    def users(self) -> dict[str, str]:
        """Who is in the room, without those who wait: user id to role."""
        return {each.user: each.role for each in self._seats.values() if not each.waits}

    @property
    def presence(self) -> dict[str, Any]:
        """The presence of those in the room, in the form of `presence_state`."""
        found: dict[str, Any] = {}
        for id, each in self._seats.items():
            if not each.waits:
                found.setdefault(each.user, {"metas": []})["metas"].append(_meta(id, each))
        return found

    def enter(self, seat: str, user: str, role: str, now: int, *, waits: bool) -> list[Telling]:
        """Take a seat, in the room or among those who wait."""
        sitting = Sitting(user, role, now, waits)
        if sitting.waits:
            self._seats[seat] = sitting
            return [Telling(self._hosts(), "user_waiting", {"user_id": user, "role": role})]
        return self._come_in(seat, sitting)

    def knows(self, user: str) -> bool:
        """Return whether the user was admitted before, and so need not wait again."""
        return user in self._admitted

    def admit(self, by: str, user: Any) -> list[Telling]:
        """Let somebody in who waits. Raises Refused for who may not, or when nobody of that name waits."""
        self._demand_host(by)
        waiting = [id for id, each in self._seats.items() if each.waits and each.user == user]
        if not waiting:
            raise Refused("nobody of that name waits")
        self._admitted.add(user)
        found: list[Telling] = []
        for id in waiting:
            sitting = self._seats.pop(id)
            sitting.waits = False
            found.append(Telling((id,), "admitted", {"user_id": user}))
            found += self._come_in(id, sitting)
        return found

    def leave(self, seat: str) -> list[Telling]:
        """Give up a seat. Seats that were given up already are no fault."""
        sitting = self._seats.pop(seat, None)
        if sitting is None:
            return []
        if sitting.waits:
            return [Telling(self._hosts(), "user_left", {"user_id": sitting.user, "role": sitting.role})]
        left = {sitting.user: {"metas": [_meta(seat, sitting)]}}
        found = [Telling(self._inside(), "presence_diff", {"joins": {}, "leaves": left})]
        if sitting.user not in self.users:
            found.append(Telling(self._inside(), "user_left", {"user_id": sitting.user, "role": sitting.role}))
        return found

    def signal(self, seat: str, event: str, payload: Payload) -> list[Telling]:
        """Pass a signal on to the one that it is for: `to`, or the other one where there are two. Raises Refused."""
        sender, what = self._demand_inside(seat).user, SIGNALS[event]
        if what not in payload:
            raise Refused(f"{what} is missing")
        others = {user for user in self.users if user != sender}
        to = payload.get("to")
        if to is None and len(others) == 1:
            (to,) = others
        if to is None:
            raise Refused("to is missing" if others else "nobody else is here")
        if not isinstance(to, str) or to not in others:
            raise Refused("nobody of that name is here")
        seats = tuple(id for id, each in self._seats.items() if each.user == to and not each.waits)
        return [Telling(seats, event, {what: payload[what], "to": to, "from": sender})]

    def chat(self, seat: str, message: Any, at: str) -> list[Telling]:
        """Pass a message on to all, the one who wrote it included. Raises Refused."""
        sender = self._demand_inside(seat).user
        if not isinstance(message, str) or not message.strip() or len(message) > LONGEST:
            raise Refused(f"message must be text of at most {LONGEST} characters")
        return [Telling(self._inside(), "chat_message", {"from": sender, "message": message, "timestamp": at})]

    def media(self, seat: str, payload: Payload) -> list[Telling]:
        """Note what somebody sends, and tell the others. Raises Refused."""
        sitting = self._demand_inside(seat)
        for name in sitting.media:
            value = payload.get(name, sitting.media[name])
            if not isinstance(value, bool):
                raise Refused("audio and video are true or false")
        sitting.media = {name: payload.get(name, before) for name, before in sitting.media.items()}
        told = {"user_id": sitting.user, **sitting.media}
        return [Telling(self._inside(but=seat), "media_state", told)]

    def end(self, seat: str) -> list[Telling]:
        """End the call for all. Raises Refused for somebody who waits."""
        sitting = self._demand_inside(seat)
        return [Telling(self._inside(), "call_ended", {"user_id": sitting.user, "role": sitting.role})]

    def _come_in(self, seat: str, sitting: Sitting) -> list[Telling]:
        known = sitting.user in self.users
        others = self._inside()
        self._seats[seat] = sitting
        joined = {sitting.user: {"metas": [_meta(seat, sitting)]}}
        found = [Telling((seat,), "presence_state", self.presence)]
        found.append(Telling(others, "presence_diff", {"joins": joined, "leaves": {}}))
        if not known:
            found.append(Telling(others, "user_joined", {"user_id": sitting.user, "role": sitting.role}))
        if sitting.role != "patient":
            waiting = {each.user: each.role for each in self._seats.values() if each.waits}
            for user, role in waiting.items():
                found.append(Telling((seat,), "user_waiting", {"user_id": user, "role": role}))
        return found

    def _inside(self, but: str | None = None) -> tuple[str, ...]:
        return tuple(id for id, each in self._seats.items() if not each.waits and id != but)

    def _hosts(self) -> tuple[str, ...]:
        return tuple(id for id, each in self._seats.items() if not each.waits and each.role != "patient")

    def _demand_inside(self, seat: str) -> Sitting:
        sitting = self._seats.get(seat)
        if sitting is None or sitting.waits:
            raise Refused("waiting")
        return sitting

    def _demand_host(self, seat: str) -> None:
        if self._demand_inside(seat).role == "patient":
            raise Refused("unauthorized")


def _meta(seat: str, sitting: Sitting) -> dict[str, Any]:
    return {"phx_ref": seat, "role": sitting.role, "online_at": sitting.since, **sitting.media}


def told(tellings: Iterable[Telling]) -> list[Telling]:
    """Return those tellings that somebody hears."""
    return [each for each in tellings if each.to]
