"""Open what is live of a tenant: its bus, rooms, notifications and sockets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.accounts.desk import Desk
from fhir_server.live.appointment import Opening
from fhir_server.live.consulting import Consulting
from fhir_server.live.doorkeeper import Doorkeeper
from fhir_server.live.endpoint import Endpoint
from fhir_server.live.inbox import Inboxes
from fhir_server.live.news import News
from fhir_server.live.revocations import Revocations
from fhir_server.live.visitor import Visitor
from fhir_server.subscriptions.account_owners import of_accounts
from fhir_server.subscriptions.binding_sockets import BindingSockets
from fhir_server.subscriptions.feed import Sight
from realtime.attendance import Attendance
from realtime.bus.base import Bus
from realtime.channel import Channels
from realtime.consultations import ConsultationChannel
from realtime.limits import Limits
from realtime.notifications import NotificationChannel
from realtime.sockets import Sockets


@dataclass(frozen=True, slots=True)
class Live:
    """The parts."""

    endpoint: Endpoint
    sockets: Sockets[Visitor]
    news: News
    bus: Bus
    revocations: Revocations
    attendances: Sequence[Attendance[Any]]

    async def close(self) -> None:
        """Close all sockets, so that what is in the rooms is written while the store is open."""
        await self.news.stop()
        self.revocations.stop()
        for each in self.attendances:
            await each.close()
        await self.bus.close()


async def opening(
    desk: Desk,
    rooms: Opening,
    limits: Limits,
    bus: Bus,
    *,
    heard: bool = True,
    proxies: Collection[str] = (),
) -> Live:
    """Return the parts, at work. `heard` says whether subscriptions are heard on sockets, `proxies` are addresses of
    trusted ones.
    """
    services, auth = desk.services, desk.auth
    channels: Channels[Visitor] = {
        "consultation": ConsultationChannel(Consulting(services, rooms), bus, services.now),
        "notifications": NotificationChannel(Inboxes(services), bus),
    }
    sockets = Sockets(Doorkeeper(auth), channels, services.now, limits)
    news = News(services.store, bus)
    news.begin()
    subscriptions = BindingSockets(Sight(services, of_accounts(services)), auth, bus, limits) if heard else None
    attendances: list[Attendance[Any]] = [each.attendance for each in (subscriptions, sockets) if each is not None]
    for each in attendances:
        auth.admission.watch(each.recall)

    def recall() -> None:
        for each in attendances:
            each.recall()

    revocations = Revocations(auth.admission, bus, recall)
    await bus.open()
    endpoint = Endpoint(services, auth, sockets, subscriptions, proxies=proxies)
    return Live(endpoint, sockets, news, bus, revocations, attendances)
