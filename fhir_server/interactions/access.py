"""What of the store exists for the caller of an interaction.

Every store call of an interaction passes what this returns. The tree itself is built by whoever authenticated the
caller; here it is only looked up, so that there is one place where an interaction asks.
"""

from __future__ import annotations

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import Call
from profiles.restriction import Restriction


def restriction_for(call: Call) -> Restriction:
    """Return what the caller may see and change."""
    return call.principal.restriction


def demand_plans(call: Call) -> None:
    """Raise Forbidden unless the caller may see how searches are answered.

    A plan tells how many rows there are of what, whoever may see them.
    """
    if not call.principal.sees_plans:
        raise Forbidden("_explain is for administrators, and for everybody in open mode only.", expression="_explain")
