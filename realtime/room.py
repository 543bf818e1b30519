"""A consultation room, pure: who is in it and who waits, and who is told what when something happens.

A user may sit there with several sockets (seats): two tabs are one person. Each worker knows its own seats, and those
of other workers as these tell them: `hear` takes what another worker has, whole, so that nothing is lost by what was
missed before. What a room answers are `Telling`s: events for seats, in order. Of who comes and goes each worker tells
its own seats; what somebody says is for seats anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec

from realtime.ports import Refused

Payload = Mapping[str, Any]
SIGNALS = {"webrtc_offer": "offer", "webrtc_answer": "answer", "webrtc_ice_candidate": "candidate"}
"""Events of WebRTC's signalling, and the one thing that each carries."""
LONGEST = 4_000
"""Characters of a chat message."""


class Telling(msgspec.Struct, frozen=True):
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


Sittings = Mapping[str, Sitting]
"""By the id of the seat."""


class Room:
    """One room, as one worker knows it. `changes` counts how often what this worker has to tell of it has changed."""

    def __init__(self) -> None:
        self._here: dict[str, Sitting] = {}
        self._there: dict[str, Sittings] = {}
        self._admitted: set[str] = set()
        self.changes = 0

    def __len__(self) -> int:
        """Return how many seats of this worker are taken."""
        return len(self._here)

    @property
    def here(self) -> Sittings:
        """The seats of this worker."""
        return self._here

    @property
    def admitted(self) -> Collection[str]:
        """The users who were admitted."""
        return self._admitted

    @property
    def users(self) -> dict[str, str]:
        """Who is in the room, without those who wait: user id to role."""
        return {each.user: each.role for _, each in self._seats() if not each.waits}

    @property
    def presence(self) -> dict[str, Any]:
        """The presence of those in the room, in the form of `presence_state`."""
        return _metas((id, each) for id, each in self._seats() if not each.waits)

    def enter(self, seat: str, user: str, role: str, now: int, *, waits: bool) -> list[Telling]:
        """Take a seat, in the room or among those who wait."""
        self.changes += 1
        sitting = Sitting(user, role, now, waits)
        if sitting.waits:
            self._here[seat] = sitting
            return [Telling(self._hosts(), "user_waiting", {"user_id": user, "role": role})]
        return self._come_in(seat, sitting)

    def knows(self, user: str) -> bool:
        """Return whether the user was admitted before, and so need not wait again."""
        return user in self._admitted

    def demand_waiting(self, by: str, user: Any) -> str:
        """Return the user who is to be let in. Raises Refused for who may not, or when nobody of that name waits."""
        self._demand_host(by)
        if not isinstance(user, str) or not any(each.waits and each.user == user for _, each in self._seats()):
            raise Refused("nobody of that name waits")
        return user

    def admit(self, by: str, user: Any) -> list[Telling]:
        """Let somebody in who waits. Raises as `demand_waiting` does."""
        self._admitted.add(self.demand_waiting(by, user))
        self.changes += 1
        return self._let_in({user})

    def leave(self, seat: str) -> list[Telling]:
        """Give up a seat. Seats that were given up already are no fault."""
        sitting = self._here.pop(seat, None)
        if sitting is None:
            return []
        self.changes += 1
        if sitting.waits:
            return [Telling(self._hosts(), "user_left", _who(sitting))]
        found = [Telling(self._near(), "presence_diff", {"joins": {}, "leaves": _metas([(seat, sitting)])})]
        if sitting.user not in self.users:
            found.append(Telling(self._near(), "user_left", _who(sitting)))
        return found

    def hear(self, worker: str, seats: Sittings, admitted: Iterable[str] = ()) -> list[Telling]:
        """Take over which seats another worker has; none when it has left, or is lost."""
        before, users = self._there.get(worker, {}), self.users
        if seats:
            self._there[worker] = seats
        else:
            self._there.pop(worker, None)
        came = [(id, each) for id, each in seats.items() if not each.waits and _is_out(before.get(id))]
        gone = [(id, each) for id, each in before.items() if not each.waits and _is_out(seats.get(id))]
        found: list[Telling] = []
        if came or gone:
            found.append(Telling(self._near(), "presence_diff", {"joins": _metas(came), "leaves": _metas(gone)}))
        found += self._users_changed(users)
        for id, each in seats.items():
            if each.waits and id not in before:
                found.append(Telling(self._hosts(), "user_waiting", _who(each)))
            elif not each.waits and id in before and before[id].media != each.media:
                found.append(Telling(self._near(), "media_state", {"user_id": each.user, **each.media}))
        for id, each in before.items():
            if each.waits and id not in seats:
                found.append(Telling(self._hosts(), "user_left", _who(each)))
        fresh = set(admitted) - self._admitted
        self._admitted |= fresh
        return found + self._let_in(fresh)

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
        seats = tuple(id for id, each in self._seats() if each.user == to and not each.waits)
        return [Telling(seats, event, {what: payload[what], "to": to, "from": sender})]

    def chat(self, seat: str, message: Any, at: str) -> list[Telling]:
        """Pass a message on to all, the one who wrote it included. Raises Refused."""
        sender = self._demand_inside(seat).user
        if not isinstance(message, str) or not message.strip() or len(message) > LONGEST:
            raise Refused(f"message must be text of at most {LONGEST} characters")
        return [Telling(self._inside(), "chat_message", {"from": sender, "message": message, "timestamp": at})]

    def media(self, seat: str, payload: Payload) -> list[Telling]:
        """Note what somebody sends, and tell the others; those of other workers hear it from these. Raises Refused."""
        sitting = self._demand_inside(seat)
        for name in sitting.media:
            value = payload.get(name, sitting.media[name])
            if not isinstance(value, bool):
                raise Refused("audio and video are true or false")
        self.changes += 1
        sitting.media = {name: payload.get(name, before) for name, before in sitting.media.items()}
        told = {"user_id": sitting.user, **sitting.media}
        return [Telling(tuple(id for id in self._near() if id != seat), "media_state", told)]

    def end(self, seat: str) -> list[Telling]:
        """End the call for all. Raises Refused for somebody who waits."""
        return [Telling(self._inside(), "call_ended", _who(self._demand_inside(seat)))]

    def _come_in(self, seat: str, sitting: Sitting) -> list[Telling]:
        known = sitting.user in self.users
        others = self._near()
        self._here[seat] = sitting
        joined = _metas([(seat, sitting)])
        found = [Telling((seat,), "presence_state", self.presence)]
        found.append(Telling(others, "presence_diff", {"joins": joined, "leaves": {}}))
        if not known:
            found.append(Telling(others, "user_joined", _who(sitting)))
        if sitting.role != "patient":
            waiting = {each.user: each for _, each in self._seats() if each.waits}
            found += [Telling((seat,), "user_waiting", _who(each)) for each in waiting.values()]
        return found

    def _let_in(self, users: Collection[str]) -> list[Telling]:
        """Bring in the seats of this worker where one of these users waits."""
        found: list[Telling] = []
        for id in [id for id, each in self._here.items() if each.waits and each.user in users]:
            self.changes += 1
            sitting = self._here.pop(id)
            sitting.waits = False
            found.append(Telling((id,), "admitted", {"user_id": sitting.user}))
            found += self._come_in(id, sitting)
        return found

    def _users_changed(self, before: Mapping[str, str]) -> list[Telling]:
        after = self.users
        came = [("user_joined", user, role) for user, role in after.items() if user not in before]
        left = [("user_left", user, role) for user, role in before.items() if user not in after]
        return [Telling(self._near(), event, {"user_id": user, "role": role}) for event, user, role in came + left]

    def _seats(self) -> Iterator[tuple[str, Sitting]]:
        return chain(self._here.items(), *(each.items() for each in self._there.values()))

    def _inside(self) -> tuple[str, ...]:
        return tuple(id for id, each in self._seats() if not each.waits)

    def _near(self) -> tuple[str, ...]:
        return tuple(id for id, each in self._here.items() if not each.waits)

    def _hosts(self) -> tuple[str, ...]:
        return tuple(id for id, each in self._here.items() if not each.waits and each.role != "patient")

    def _demand_inside(self, seat: str) -> Sitting:
        sitting = self._here.get(seat)
        if sitting is None or sitting.waits:
            raise Refused("waiting")
        return sitting

    def _demand_host(self, seat: str) -> None:
        if self._demand_inside(seat).role == "patient":
            raise Refused("unauthorized")


def _is_out(sitting: Sitting | None) -> bool:
    return sitting is None or sitting.waits


def _who(sitting: Sitting) -> Payload:
    return {"user_id": sitting.user, "role": sitting.role}


def _metas(seats: Iterable[tuple[str, Sitting]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for id, each in seats:
        meta = {"phx_ref": id, "role": each.role, "online_at": each.since, **each.media}
        found.setdefault(each.user, {"metas": []})["metas"].append(meta)
    return found


def told(tellings: Iterable[Telling]) -> list[Telling]:
    """Return those tellings that somebody hears."""
    return [each for each in tellings if each.to]
