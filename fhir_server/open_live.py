"""From settings to what is live: sockets, rooms and notifications."""

from __future__ import annotations

from fhir_server.accounts.desk import Desk
from fhir_server.http.cors import Cors
from fhir_server.http.response import security
from fhir_server.live.appointment import Opening
from fhir_server.live.doors import Doors
from fhir_server.live.opening import Live, opening
from fhir_server.live.relaying import Relaying
from fhir_server.live.socket_io_endpoint import SocketIoEndpoint
from fhir_server.settings import Settings, SettingsError
from realtime.bus.connect import BadAddress, connect
from realtime.limits import Limits
from realtime.relays import Relays


async def open_live(settings: Settings, desk: Desk, *, heard: bool) -> Live:
    """Return the sockets of a tenant, with its rooms and notifications, at work. Raises SettingsError.

    `heard` says whether subscriptions are heard on sockets.
    """
    limits = Limits(
        message_bytes=settings.socket_message_bytes,
        messages_a_second=settings.socket_messages,
        burst=settings.socket_burst,
        queue=settings.socket_queue,
        sockets=settings.sockets,
        unbound=settings.sockets_unbound,
    )
    try:
        # Servers of one installation are at one address: those of others at the same Redis are none of its workers.
        bus = connect(settings.bus.get_secret_value(), settings.base)
    except BadAddress as error:
        raise SettingsError(f"bus: {error}.") from None
    return await opening(desk, rooms_of(settings), limits, bus, heard=heard, proxies=settings.trusted_proxies)


def doors_of(settings: Settings, live: Live, cors: Cors) -> Doors:
    """Return the doors to the sockets: origins of `cors` may read what socket.io answers."""
    root = settings.root.encode()
    older = SocketIoEndpoint(
        live.endpoint,
        live.sockets,
        lambda origin: origin == root or cors.allows(origin),
        most_bytes=settings.socket_message_bytes,
        headers=security(https=settings.root.startswith("https:")),
    )
    return Doors(live.endpoint, older if settings.socket_io else None)


def rooms_of(settings: Settings) -> Opening:
    """Return when rooms are open."""
    return Opening(settings.room_opens_min, settings.room_closes_min, settings.room_statuses, settings.room_waits)


def relaying_of(settings: Settings) -> Relaying:
    """Return the servers that calls go through."""
    secret = settings.turn_secret.get_secret_value()
    relays = Relays(settings.stun_urls, settings.turn_urls, secret, settings.turn_credential_s)
    return Relaying(relays, rooms_of(settings))
