"""From settings to what goes out by itself: letters of notifications, and reminders of appointments."""

from __future__ import annotations

from dataclasses import dataclass

from fhir_server.accounts.desk import Desk
from fhir_server.open_desk import delivery
from fhir_server.settings import Settings
from fhir_server.views.letters import Postman
from fhir_server.views.reminders import Reminders


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Who sends letters and who reminds, at work until they are closed."""

    postman: Postman
    reminders: Reminders

    async def close(self) -> None:
        """Stop."""
        await self.reminders.stop()
        await self.postman.stop()


def open_outgoing(settings: Settings, desk: Desk) -> Outgoing:
    """Return who sends and who reminds, at work."""
    services = desk.services
    postman = Postman(services.store, services.now, delivery(settings), settings.app_url)
    made = Outgoing(postman, Reminders(desk, settings.reminder_leads_min))
    made.postman.begin()
    made.reminders.begin()
    return made
