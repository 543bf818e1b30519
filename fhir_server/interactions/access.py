"""What of the store exists for the caller of an interaction.

Every store call of an interaction passes what this returns. The tree itself is built by whoever authenticated the
caller; here it is only looked up, so that there is one place where an interaction asks.
"""

from __future__ import annotations

from fhir_server.interactions.call import Call
from profiles.restriction import Restriction


def restriction_for(call: Call) -> Restriction:
    """Return what the caller may see and change."""
    return call.principal.restriction
