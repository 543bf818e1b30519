"""Every JSON view of the server's own, by its name. Those of partners are files that `describe` reads."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.views import appointment, consent, medical_record, notification, slot
from mappings.views.me import TYPES, me
from mappings.views.view import View

VIEWS: Mapping[str, View] = {
    each.name: each for each in (medical_record.VIEW, appointment.VIEW, slot.VIEW, notification.VIEW, consent.VIEW)
} | {f"me/{type}": me(type) for type in TYPES}


def registered(name: str) -> View:
    """Return the view of that name. Raises KeyError."""
    return VIEWS[name]
