"""What a patient has agreed to, and takes back: one Consent of each type, a version for each decision.

A decision that others have written may not say when it was made: it was made by the version that wrote it.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from auth.errors import Denied
from fhir_server.errors import NotFound
from fhir_server.interactions.call import Resource
from fhir_server.interactions.history import history
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import instant
from fhir_server.views.acting import Acting
from fhir_server.views.listing import Wanted, listing
from mappings.transactions.act import create, transaction, update
from mappings.views import consent
from mappings.views.consent import TYPES, VIEW
from mappings.views.show import show
from mappings.views.view import Parts
from profiles.datatypes.temporal import compare, parse_date_time

MOST = 100
"""Consents of the platform that a person has, at most, one of each type being the rule."""


async def mine(acting: Acting) -> list[Resource]:
    """Return one's own consents as they are shown, one of each type that was ever decided. Raises Denied."""
    found = await _stored(acting)
    return [await shown(acting, found[type]) for type in TYPES if type in found]


async def grant(acting: Acting, type: str) -> Parts:
    """Agree, having read the notice of now. Raises NotFound for types there are not, Denied."""
    stored = (await _known(acting, type)).get(type)
    now, notice = _now(acting)
    before = stored[VIEW.root][0] if stored else None
    said = show(VIEW, stored) if stored else {}
    if stored and (said["status"], said["version"]) == ("granted", notice[0]):
        return stored
    made = consent.grant(type, acting.person, notice, now, before)
    if "id" not in made:
        made = {"id": acting.desk.services.new_id(), **made}
    await acting.write(transaction([update(made) if before else create(made)]))
    return (await _stored(acting))[type]


async def revoke(acting: Acting, type: str) -> Resource:
    """Take an agreement back; return it as it is shown. Raises NotFound when there is none, Denied."""
    stored = (await _known(acting, type)).get(type)
    if stored is None:
        raise NotFound("You have never agreed to that.")
    if stored[VIEW.root][0]["status"] == "active":
        now, notice = _now(acting)
        await acting.write(transaction([update(consent.revoke(stored[VIEW.root][0], notice, now))]))
    return await shown(acting, (await _stored(acting))[type])


async def shown(acting: Acting, parts: Parts) -> Resource:
    """Return a consent as it is shown. One that was taken back by a write that does not say when, or says a time that
    had not come yet, was taken back by the version that did it.
    """
    record = show(VIEW, parts)
    (root,) = parts[VIEW.root]
    if record["status"] == "revoked" and _after(record["revoked_at"], root["meta"]["lastUpdated"]):
        record["revoked_at"] = await _taken_back(acting, root)
    return record


def _after(said: str | None, written: str) -> bool:
    return said is None or (compare(parse_date_time(said), parse_date_time(written)) or 0) > 0


async def _taken_back(acting: Acting, root: Resource) -> str:
    """Return when the first version was written since which the consent is not active any more."""
    moment = str(root["meta"]["lastUpdated"])
    cursor: list[tuple[str, str]] = []
    while True:
        found = parse((await history(acting.call(VIEW.root, id=root["id"], parameters=cursor))).body or b"{}")
        for entry in found["entry"]:
            version = entry.get("resource")
            if version is None or version["status"] == "active":
                return moment
            moment = version["meta"]["lastUpdated"]
        following = next((each["url"] for each in found["link"] if each["relation"] == "next"), None)
        if following is None:
            return moment
        cursor = parse_qsl(urlsplit(following).query)


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
