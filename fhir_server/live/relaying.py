"""The ICE servers of a consultation: for its participants, while its room is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auth.errors import Denied
from fhir_server.errors import Forbidden, Gone, NotFound
from fhir_server.interactions.call import Call
from fhir_server.interactions.read import read
from fhir_server.live.appointment import Opening, is_open
from fhir_server.live.taking_part import among
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import is_id
from realtime.relays import Relays

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Relaying:
    """The relays, and when rooms are open."""

    relays: Relays
    opening: Opening

    async def servers(self, call: Call) -> list[dict[str, Any]]:
        """Return the servers for who calls, at the Appointment that the call names, as `Relays.servers` has them.

        Raises NotFound for an Appointment that they may not see, Denied for one that is not theirs or not open.
        """
        try:
            found = await among(call, parse((await read(call)).body or b"{}")) if is_id(call.id or "") else None
        except (Forbidden, Gone, NotFound):
            raise NotFound("There is no appointment with that id.") from None
        if found is None:
            raise Denied("Only the patient and the doctor of an appointment take part in its call.")
        now = call.services.now()
        if not is_open(found.appointment, self.opening, now):
            raise Denied("The room of this appointment is not open now.")
        return self.relays.servers(call.principal.actor.partition("/")[2], now // SECOND)
