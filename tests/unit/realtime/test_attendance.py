"""Who is there: sockets that say later on whose behalf they are count from then on."""

from __future__ import annotations

from typing import Any

from realtime.attendance import Attendance
from realtime.ports import Member


class Socket:
    """A socket that nobody is on yet."""

    def __init__(self) -> None:
        self.member: Member[str] | None = None
        self.code: int | None = None

    async def standing(self, member: Any) -> Any:
        return member

    def close(self, code: int, reason: str) -> None:
        self.code = code

    def name(self, attendance: Attendance[Socket], account: str) -> None:
        self.member = Member(account, "patient", "grant", 10**15, "")
        attendance.count(self)


async def test_who_says_later_who_they_are_counts_from_then_on() -> None:
    attendance: Attendance[Socket] = Attendance(2)
    one, two, three, other = (Socket() for _ in range(4))
    with attendance.present(one), attendance.present(two), attendance.present(three), attendance.present(other):
        assert len(attendance) == 4
        for each in (one, two, three):
            each.name(attendance, "ann")
        one.name(attendance, "ann")
        other.name(attendance, "bob")
        assert [each.code for each in (one, two, three, other)] == [None, None, 1008, None]
    assert len(attendance) == 0
    again = Socket()
    with attendance.present(again):
        again.name(attendance, "ann")
    assert again.code is None
