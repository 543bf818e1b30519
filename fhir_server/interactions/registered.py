"""What is registered of professionals is not theirs to say: who they are was confirmed by somebody else.

It is whether the Practitioner is active, which one is not before that, and the numbers in the national register.
"""

from __future__ import annotations

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import Call, Resource
from fhir_server.model.fhir_json import parse
from fhir_server.store.base import Version

TYPE = "Practitioner"
RPPS = "https://rpps.esante.gouv.fr"
PROFESSIONAL = "urn:oid:1.2.250.1.71.4.2.1"


def demand_registered(call: Call, before: Version | None, body: bytes) -> None:
    """Raise Forbidden when professionals change, by the Practitioner in `body`, what is registered of themselves.

    `before` is the version that it follows.
    """
    now = parse(body)
    if not call.principal.rights.limited or call.principal.account != now["id"]:
        return
    known: Resource = {} if before is None or before.deleted else parse(before.body)
    if known.get("active") != now.get("active"):
        raise Forbidden(
            "Administrators say whether a Practitioner is active: leave that as it is.", expression=f"{TYPE}.active"
        )
    if _numbers(known) != _numbers(now):
        raise Forbidden(
            "Administrators confirm the numbers in the national register: leave these identifiers as they are.",
            expression=f"{TYPE}.identifier",
        )


def _numbers(practitioner: Resource) -> list[tuple[str, str]]:
    given = [(each.get("system"), each.get("value", "")) for each in practitioner.get("identifier", ())]
    return sorted(each for each in given if each[0] in (RPPS, PROFESSIONAL))
