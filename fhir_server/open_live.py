"""From settings to what is live: sockets, rooms and notifications."""

from __future__ import annotations

from fhir_server.accounts.desk import Desk
from fhir_server.live.appointment import Opening
from fhir_server.live.opening import Live, opening
from fhir_server.settings import Settings
from realtime.limits import Limits


def open_live(settings: Settings, desk: Desk) -> Live:
    """Return the sockets of a tenant, with its rooms and notifications, at work."""
    rooms = Opening(settings.room_opens_min, settings.room_closes_min, settings.room_statuses, settings.room_waits)
    limits = Limits(
        message_bytes=settings.socket_message_bytes,
        messages_a_second=settings.socket_messages,
        burst=settings.socket_burst,
        queue=settings.socket_queue,
        sockets=settings.sockets,
    )
    return opening(desk, rooms, limits, proxies=settings.trusted_proxies)
