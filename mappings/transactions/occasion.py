"""Which consultation a record is about: that of the appointment nearest to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mappings.transactions.act import Act
from mappings.views.appointment import ended
from mappings.views.view import Values
from profiles.datatypes.temporal import date_range

HALF_A_DAY = 12 * 3600 * 1_000_000
"""Microseconds before and after a consultation within which its appointment is looked for."""


def about(act: Act, appointments: Iterable[Values], moment: str) -> Act:
    """Return the act of writing a record of a consultation at `moment` (instant), about the nearest appointment.

    `appointments` are those of its patient with its doctor, as the view shows them; cancelled ones took no place. The
    consultation was at a distance, unless that appointment was at the office.
    """
    at = date_range(moment)[0]
    held = [each for each in appointments if each["status"] != "cancelled" and each["starts_at"] is not None]
    if not held:
        return act
    nearest = min(held, key=lambda each: abs(date_range(each["starts_at"])[0] - at))
    return replace(act, remote=nearest["kind"] != "office", appointment=nearest["id"], ended=ended(nearest))
