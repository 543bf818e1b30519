"""What is said in a room, kept as Communications of its Encounter where every patient of it has agreed to that.

The consent is the platform's of the kind `chat_retention`; without one nothing is kept. Each message is written by
whoever sent it, with their own rights, in the one commit that looks whether the consent stands.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from fhir_server.interactions import audit
from fhir_server.interactions.call import Call, Resource
from fhir_server.interactions.create import create
from fhir_server.interactions.relating import is_given
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Key, Transaction
from profiles.restriction import ALL

CONSENT = "chat_retention"
TYPE = "Communication"


@dataclass(frozen=True, slots=True)
class ChatFile:
    """Where messages go: references to the patients of a consultation, to all who take part, and to its Encounter."""

    patients: tuple[str, ...]
    people: tuple[str, ...]
    encounter: str

    def message(self, sender: str, text: str, sent: str, present: Collection[str]) -> Resource:
        """Return a message as a Communication (http://hl7.org/fhir/R4/communication.html).

        `sender` is a reference, `sent` an instant, `present` the ids of those who were there to read it.
        """
        mode = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
        others = [each for each in self.people if each != sender and each.partition("/")[2] in present]
        made: Resource = {
            "resourceType": TYPE,
            "status": "completed",
            "medium": [{"coding": [{"system": mode, "code": "ONLINEWRIT", "display": "online written"}]}],
            "subject": {"reference": self.patients[0]},
            "encounter": {"reference": self.encounter},
            "sent": sent,
            "recipient": [{"reference": each} for each in others],
            "sender": {"reference": sender},
            "payload": [{"contentString": text}],
        }
        return made if others else {name: each for name, each in made.items() if name != "recipient"}


async def keeps(call: Call, file: ChatFile) -> bool:
    """Return whether messages are kept as of now."""
    store, now = call.services.store, call.services.now()
    for each in file.patients:
        if not await is_given(store, store.records, each.partition("/")[2], CONSENT, now):
            return False
    return True


async def keep(call: Call, file: ChatFile) -> bool:
    """Keep the message that the call holds, and return whether it was, by consent. Raises as `create`."""

    async def work(tx: Transaction) -> bool:
        for each in file.patients:
            if not await is_given(tx, tx.records, each.partition("/")[2], CONSENT, tx.time):
                return False
        result = await create(replace(call, transaction=tx))
        version = await tx.read(Key(TYPE, parse(result.body or b"{}")["id"]), restriction=ALL)
        assert version is not None
        patients = audit.patients_of(version)
        await tx.audit(audit.row(call, "create", result.status, time=tx.time, patients=patients, written=version))
        return True

    return await call.services.store.write(work)
