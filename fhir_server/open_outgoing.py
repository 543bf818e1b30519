"""From settings to what goes out by itself: letters of notifications, and reminders of appointments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.accounts.desk import Desk
from fhir_server.open_desk import delivery
from fhir_server.rounds import Rounds
from fhir_server.settings import Settings
from fhir_server.views import letters, reminders
from fhir_server.views.letters import Postman
from fhir_server.views.reminders import Reminders


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What goes out, round by round, until it is closed."""

    rounds: Sequence[Rounds]

    async def close(self) -> None:
        """Stop."""
        for each in self.rounds:
            await each.stop()


def open_outgoing(settings: Settings, desk: Desk) -> Outgoing:
    """Return what goes out, at work."""
    services = desk.services
    postman = Postman(services.store, services.now, delivery(settings), settings.app_url)
    made = Outgoing(
        (
            Rounds("reminders", Reminders(desk, settings.reminder_leads_min).remind, reminders.EVERY),
            Rounds("letters", postman.deliver_due, letters.EVERY),
        )
    )
    for each in made.rounds:
        each.begin()
    return made
