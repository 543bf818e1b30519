"""As whom something is delivered: the owner of a subscription, with the rights that they have at that moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fhir_server.interactions.call import ANONYMOUS, Principal
from fhir_server.interactions.subscribing.tables import Owner


class OwnerGone(Exception):
    """Nothing may go out in the name of the owner any more; the text says why."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Who the owner is now, and the address to which letters to them go, "" for none."""

    principal: Principal
    email: str = ""


Whose = Callable[[Owner], Awaitable[Standing]]
"""Returns who an owner is now. Raises OwnerGone."""


async def everybody(owner: Owner) -> Standing:
    """Return whoever asks a server in open mode, which knows nobody and shows everything."""
    return Standing(ANONYMOUS)
