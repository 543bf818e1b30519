"""What a patient has agreed to, and takes back: one Consent of each type, a version for each decision."""

from __future__ import annotations

from auth.errors import Denied
from fhir_server.errors import NotFound
from fhir_server.model.resource import instant
from fhir_server.views.acting import Acting
from fhir_server.views.listing import Wanted, listing
from mappings.transactions.act import create, transaction, update
from mappings.views import consent
from mappings.views.consent import TYPES, VIEW
from mappings.views.show import show
from mappings.views.view import Parts

MOST = 100
"""Consents of the platform that a person has, at most, one of each type being the rule."""


async def mine(acting: Acting) -> list[Parts]:
    """Return one's own consents, one of each type that was ever decided. Raises Denied."""
    found = await _stored(acting)
    return [found[type] for type in TYPES if type in found]


async def grant(acting: Acting, type: str) -> Parts:
    """Agree, having read the notice of now. Raises NotFound for types there are not, Denied."""
    stored = (await _known(acting, type)).get(type)
    now, notice = _now(acting)
    before = stored[VIEW.root][0] if stored else None
    shown = show(VIEW, stored) if stored else {}
    if stored and (shown["status"], shown["version"]) == ("granted", notice[0]):
        return stored
    made = consent.grant(type, acting.person, notice, now, before)
    if "id" not in made:
        made = {"id": acting.desk.services.new_id(), **made}
    await acting.write(transaction([update(made) if before else create(made)]))
    return (await _stored(acting))[type]


async def revoke(acting: Acting, type: str) -> Parts:
    """Take an agreement back. Raises NotFound when there is none, Denied."""
    stored = (await _known(acting, type)).get(type)
    if stored is None:
        raise NotFound("You have never agreed to that.")
    if stored[VIEW.root][0]["status"] == "active":
        now, notice = _now(acting)
        await acting.write(transaction([update(consent.revoke(stored[VIEW.root][0], notice, now))]))
    return (await _stored(acting))[type]


async def is_granted(acting: Acting, type: str, patient: str) -> bool:
    """Return whether a patient has agreed, as far as that is within reach of who asks."""
    wanted = Wanted({"patient_id": patient, "type": type}, per_page=MOST)
    decided = (await listing(acting, VIEW, wanted)).records
    # The list is in the order of the decisions, and the last of them counts.
    return bool(decided) and decided[-1][VIEW.root][0]["status"] == "active"


async def _known(acting: Acting, type: str) -> dict[str, Parts]:
    if type not in TYPES:
        raise NotFound(f"There is no such consent; there are {', '.join(TYPES)}.")
    return await _stored(acting)


async def _stored(acting: Acting) -> dict[str, Parts]:
    """Return the consents by type; of several of a type the one that was decided last."""
    if acting.account.role != "patient":
        raise Denied("These are consents of patients.")
    wanted = Wanted({"patient_id": acting.account.id}, per_page=MOST)
    return {str(show(VIEW, parts)["type"]): parts for parts in (await listing(acting, VIEW, wanted)).records}


def _now(acting: Acting) -> tuple[str, tuple[str, str]]:
    """Return the moment, and version and address of the notice that is in force."""
    notice = acting.desk.notice
    return instant(acting.desk.services.now()), (notice.version, notice.uri)
